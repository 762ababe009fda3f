"""Who answers in a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.entries import AgentHandoffEntry, Entry
from galerne.protocol.tools import Tool


@dataclass(frozen=True, slots=True)
class Colleague:
    """An agent that a conversation may be passed on to. The flow sets every field."""

    id: str
    name: str
    description: str | None


@dataclass(frozen=True, slots=True)
class Participant:
    """A model with what it is told, or an agent (which has an id and a name). The flow sets every field."""

    model: str
    instructions: str | None
    completion_args: CompletionArgs
    tools: Sequence[Tool] = ()
    agent_id: str | None = None
    name: str | None = None
    colleagues: Sequence[Colleague] = ()


class Agents(Protocol):
    """Finds the agents that a conversation is passed on to."""

    async def agent(self, id: str) -> Participant:
        """Raises `NotFound`."""


def taken_over(entries: Sequence[Entry]) -> str | None:
    """The id of the agent that the conversation was passed on to last; None: it never was."""
    for entry in reversed(entries):
        if isinstance(entry, AgentHandoffEntry) and entry.completed_at is not None:
            return entry.next_agent_id
    return None
