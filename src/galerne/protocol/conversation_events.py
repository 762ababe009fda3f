"""The events of a conversation's stream, each with its name (`event:`) and its data, as `mistralai` reads them."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from galerne.protocol.answers import NamedEvent
from galerne.protocol.conversations import ConversationUsage
from galerne.protocol.messages import ThinkingPart


class ConversationEvent(NamedEvent):
    created_at: AwareDatetime


class ResponseStarted(ConversationEvent):
    type: Literal["conversation.response.started"] = "conversation.response.started"
    conversation_id: str


class MessageOutputDelta(ConversationEvent):
    """More reasoning or text of the output with this index."""

    type: Literal["message.output.delta"] = "message.output.delta"
    id: str
    output_index: int
    content_index: int
    model: str | None
    agent_id: str | None
    role: Literal["assistant"] = "assistant"
    content: str | ThinkingPart


class FunctionCallDelta(ConversationEvent):
    """More arguments of a call: the pieces of the output with this index are its JSON."""

    type: Literal["function.call.delta"] = "function.call.delta"
    id: str
    output_index: int
    model: str | None
    agent_id: str | None
    name: str
    tool_call_id: str
    arguments: str
    confirmation_status: None = None


class HandoffStarted(ConversationEvent):
    type: Literal["agent.handoff.started"] = "agent.handoff.started"
    id: str
    output_index: int
    previous_agent_id: str
    previous_agent_name: str


class HandoffDone(ConversationEvent):
    """Another agent goes on; or may, once the client says so."""

    type: Literal["agent.handoff.done"] = "agent.handoff.done"
    id: str
    output_index: int
    next_agent_id: str
    next_agent_name: str


class ResponseDone(ConversationEvent):
    type: Literal["conversation.response.done"] = "conversation.response.done"
    usage: ConversationUsage


class ResponseError(ConversationEvent):
    """The last event of a stream that failed. What was said until then is kept."""

    type: Literal["conversation.response.error"] = "conversation.response.error"
    message: str
    code: int  # the HTTP status that the failure would have had
