"""The entries of a conversation: as `mistralai` sends and reads them, and as they are kept.

An entry is never changed. One that a client sends may carry the labels that it had when it was an answer (`id`,
`created_at`, ...); it gets new ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Discriminator, Tag

from galerne.protocol.messages import Content, ProtocolModel, as_json, tagged


class EntryModel(ProtocolModel):
    """What all entries share."""

    object: Literal["entry"] = "entry"
    id: str | None = None
    created_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None  # null: cut off by its limit, a failure, or a client that left


class MessageInputEntry(EntryModel):
    """What somebody said to the model. The last one may be the `prefix` of the answer that is asked for."""

    type: Literal["message.input"] = "message.input"
    role: Literal["user", "assistant", "system", "developer"]
    content: Content
    prefix: bool = False


class MessageOutputEntry(EntryModel):
    """What the model said."""

    model_config = tagged("type")

    type: Literal["message.output"] = "message.output"
    role: Literal["assistant"] = "assistant"
    content: Content
    agent_id: str | None = None
    model: str | None = None


class FunctionCallEntry(EntryModel):
    """A function that the model wants to have called, by whoever asked."""

    model_config = tagged("type")

    type: Literal["function.call"] = "function.call"
    tool_call_id: str
    name: str
    arguments: Annotated[str, BeforeValidator(as_json)]  # JSON
    agent_id: str | None = None
    model: str | None = None
    confirmation_status: None = None


class FunctionResultEntry(EntryModel):
    """What the function gave."""

    model_config = tagged("type")

    type: Literal["function.result"] = "function.result"
    tool_call_id: str
    result: str


class AgentHandoffEntry(EntryModel):
    """An agent passed the conversation on. Not completed: it is left to the client, who did not do it yet."""

    model_config = tagged("type")

    type: Literal["agent.handoff"] = "agent.handoff"
    previous_agent_id: str
    previous_agent_name: str
    next_agent_id: str
    next_agent_name: str


def _kind(value: Any) -> str | None:
    kind = value.get("type", "message.input") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if isinstance(kind, str) else None


Entry = Annotated[
    Annotated[MessageInputEntry, Tag("message.input")]
    | Annotated[MessageOutputEntry, Tag("message.output")]
    | Annotated[FunctionCallEntry, Tag("function.call")]
    | Annotated[FunctionResultEntry, Tag("function.result")]
    | Annotated[AgentHandoffEntry, Tag("agent.handoff")],
    Discriminator(_kind),
]
OutputEntry = MessageOutputEntry | FunctionCallEntry | AgentHandoffEntry


BLANK = "(erased)"


def blanked(entry: Entry) -> Entry:
    """The same without what somebody said in it."""
    match entry:
        case MessageInputEntry() | MessageOutputEntry():
            return entry.model_copy(update={"content": BLANK})
        case FunctionCallEntry():
            return entry.model_copy(update={"arguments": "{}"})
        case FunctionResultEntry():
            return entry.model_copy(update={"result": BLANK})
        case AgentHandoffEntry():
            return entry


def unnamed(entry: AgentHandoffEntry, names: Mapping[str, Collection[str]]) -> AgentHandoffEntry:
    """The same without these names of agents, by their ids."""
    previous, following = names.get(entry.previous_agent_id, ()), names.get(entry.next_agent_id, ())
    gone: dict[str, str] = {}
    if entry.previous_agent_name in previous:
        gone["previous_agent_name"] = BLANK
    if entry.next_agent_name in following:
        gone["next_agent_name"] = BLANK
    return entry.model_copy(update=gone) if gone else entry
