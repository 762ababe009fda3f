"""The events of a conversation's stream, each with its name (`event:`) and its data, as `mistralai` reads them."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from galerne.protocol.answers import NamedEvent
from galerne.protocol.conversations import ConversationUsage


class ConversationEvent(NamedEvent):
    created_at: AwareDatetime


class ResponseStarted(ConversationEvent):
    type: Literal["conversation.response.started"] = "conversation.response.started"
    conversation_id: str


class MessageOutputDelta(ConversationEvent):
    """More text of the output with this index."""

    type: Literal["message.output.delta"] = "message.output.delta"
    id: str
    output_index: int
    content_index: int = 0
    model: str | None
    agent_id: str | None
    role: Literal["assistant"] = "assistant"
    content: str


class ResponseDone(ConversationEvent):
    type: Literal["conversation.response.done"] = "conversation.response.done"
    usage: ConversationUsage


class ResponseError(ConversationEvent):
    """The last event of a stream that failed. What was said until then is kept."""

    type: Literal["conversation.response.error"] = "conversation.response.error"
    message: str
    code: int  # the HTTP status that the failure would have had
