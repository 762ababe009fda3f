"""`/v1/conversations`: what `mistralai` may say, and what it is told."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from galerne.protocol.agents import AgentTool, AgentVersion
from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.entries import Entry, MessageInputEntry, MessageOutputEntry, OutputEntry
from galerne.protocol.generation import Label
from galerne.protocol.limits import limited
from galerne.protocol.messages import ProtocolModel
from galerne.protocol.metadata import Described, Metadata
from galerne.protocol.unsupported import only

Inputs = str | Annotated[list[Entry], Field(fail_fast=True)]


class ConversationFields(Described):
    """Who answers in a conversation, and what it is called: a `model` with what it is told, or an agent."""

    model: str | None = Field(None, min_length=1, max_length=1024)
    instructions: str | None = None
    completion_args: CompletionArgs | None = None
    agent_id: Label | None = None
    agent_version: AgentVersion | None = Field(None, description="None: its current version, whichever that is then.")
    name: Label | None = None
    description: str | None = None
    tools: list[AgentTool] | None = Field(None, json_schema_extra=limited("max_tools"))
    guardrails: Annotated[Any, only([])] = None


class TurnFields(ProtocolModel):
    """How one go of a conversation runs."""

    stream: bool = False
    store: bool | None = Field(None, description="Keep what is said; true by default.")
    handoff_execution: Literal["server", "client"] | None = None


class ConversationRequest(ConversationFields, TurnFields):
    """A conversation to begin."""

    inputs: Inputs

    @model_validator(mode="after")
    def _somebody_answers(self) -> Self:
        if (self.model is None) == (self.agent_id is None):
            raise ValueError("say who answers: either a `model` or an agent (`agent_id`)")
        if self.agent_id is not None and (self.instructions is not None or self.tools):
            raise ValueError("an agent has `instructions` and `tools` of its own: change those, or ask its model")
        if self.agent_id is None and self.agent_version is not None:
            raise ValueError("`agent_version` goes with `agent_id`")
        return self


class ConversationAppendRequest(TurnFields):
    """What is said next; without inputs the conversation goes on as it stands."""

    inputs: Inputs | None = None
    completion_args: CompletionArgs | None = Field(None, description="Laid over the conversation's own, for this go.")
    tool_confirmations: Annotated[Any, only([])] = None


class ConversationRestartRequest(TurnFields):
    """Another conversation that shares the beginning of this one, up to an entry and with it."""

    from_entry_id: Label
    inputs: Inputs | None = None
    completion_args: CompletionArgs | None = Field(None, description="Laid over the conversation's own, for this go.")
    metadata: Metadata | None = Field(
        None,
        description="The new conversation's; by default those of the old one.",
        json_schema_extra=limited("max_metadata"),
    )
    agent_version: AgentVersion | None = Field(None, description="None: as in the old conversation.")
    guardrails: Annotated[Any, only([])] = None


class ConversationCard(ConversationFields):
    """What a conversation is."""

    object: Literal["conversation"] = "conversation"
    id: str
    created_at: AwareDatetime
    updated_at: AwareDatetime


class ConversationUsage(ProtocolModel):
    """Tokens of one go, as the engine counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    connector_tokens: None = None
    connectors: None = None


class ConversationResponse(ProtocolModel):
    object: Literal["conversation.response"] = "conversation.response"
    conversation_id: str
    outputs: list[OutputEntry]
    usage: ConversationUsage


class ConversationHistory(ProtocolModel):
    object: Literal["conversation.history"] = "conversation.history"
    conversation_id: str
    entries: list[Entry]


class ConversationMessages(ProtocolModel):
    object: Literal["conversation.messages"] = "conversation.messages"
    conversation_id: str
    messages: list[MessageInputEntry | MessageOutputEntry]
