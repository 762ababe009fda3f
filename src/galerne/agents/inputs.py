"""What a client sends -> entries that can be kept."""

from __future__ import annotations

from collections.abc import Sequence

from galerne.agents.threads import new_id, now
from galerne.protocol.conversations import Inputs
from galerne.protocol.entries import Entry, MessageInputEntry

_KINDS = {
    "message.input": "msg",
    "message.output": "msg",
    "function.call": "fc",
    "function.result": "fr",
    "agent.handoff": "handoff",
}


def entries_of(inputs: Inputs) -> list[Entry]:
    """Each with an id of its own, as of now."""
    return stamped([MessageInputEntry(role="user", content=inputs)] if isinstance(inputs, str) else inputs)


def stamped(entries: Sequence[Entry]) -> list[Entry]:
    """The same as new ones."""
    time = now()
    return [
        entry.model_copy(update={"id": new_id(_KINDS[entry.type]), "created_at": time, "completed_at": time})
        for entry in entries
    ]
