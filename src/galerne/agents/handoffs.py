"""An agent passes a conversation on by calling a function that is named after its colleague."""

from __future__ import annotations

import re
from collections.abc import Sequence

from galerne.agents.participant import Colleague, Participant
from galerne.agents.threads import new_id, now
from galerne.protocol.entries import AgentHandoffEntry
from galerne.protocol.tools import Function, Tool

LONGEST_NAME = 64
"""Characters of a function's name."""


class Handoffs:
    """What a participant may call to pass the conversation on."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._colleagues: dict[str, Colleague] = {}
        taken = {tool.function.name for tool in participant.tools}
        for colleague in participant.colleagues:
            self._colleagues[_function_name(colleague.name, taken | self._colleagues.keys())] = colleague

    @property
    def tools(self) -> Sequence[Tool]:
        """Without arguments: what was said is all that a colleague needs."""
        return [
            Tool(function=Function(name=name, description=_description(colleague)))
            for name, colleague in self._colleagues.items()
        ]

    def colleague(self, function: str) -> Colleague | None:
        """Whom a call of this function passes the conversation on to; None: it is another function."""
        return self._colleagues.get(function)

    def entry(self, colleague: Colleague) -> AgentHandoffEntry:
        """The conversation is passed on, from now on."""
        assert self._participant.agent_id is not None
        return AgentHandoffEntry(
            id=new_id("handoff"),
            created_at=now(),
            previous_agent_id=self._participant.agent_id,
            previous_agent_name=self._participant.name or "",
            next_agent_id=colleague.id,
            next_agent_name=colleague.name,
        )


def _function_name(name: str, taken: set[str]) -> str:
    plain = "transfer_to_" + (re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "colleague")
    unique, number = plain[:LONGEST_NAME], 2
    while unique in taken:
        ending = f"_{number}"
        unique, number = plain[: LONGEST_NAME - len(ending)] + ending, number + 1
    return unique


def _description(colleague: Colleague) -> str:
    about = f": {colleague.description}" if colleague.description else ""
    return f"Pass the conversation on to {colleague.name}{about}"
