"""Who answers in a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.entries import AgentHandoffEntry, Entry


@dataclass(frozen=True, slots=True)
class Participant:
    """A model with what it is told, or an agent. The flow sets every field."""

    model: str
    instructions: str | None
    completion_args: CompletionArgs
    agent_id: str | None = None


def taken_over(entries: Sequence[Entry]) -> str | None:
    """The id of the agent that the conversation was passed on to last; None: it never was."""
    for entry in reversed(entries):
        if isinstance(entry, AgentHandoffEntry) and entry.completed_at is not None:
            return entry.next_agent_id
    return None
