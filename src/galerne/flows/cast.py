"""Who answers in a conversation, in the words of whoever began it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from galerne.agents.agent import Agent, AgentStore
from galerne.agents.participant import Colleague, Participant, taken_over
from galerne.errors import NotFound
from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.conversations import ConversationFields
from galerne.protocol.entries import Entry


class Cast:
    """The participants of one turn."""

    def __init__(
        self, about: ConversationFields, completion_args: CompletionArgs | None, agents: AgentStore, workspace: str
    ) -> None:
        """`completion_args` are those of the turn, laid over the conversation's, laid over the agent's."""
        self._about = about
        self._args = (completion_args or CompletionArgs()).over(about.completion_args)
        self._agents = agents
        self._workspace = workspace

    async def answers(self, entries: Sequence[Entry]) -> Participant:
        """Who answers after these entries. Raises `NotFound`."""
        if (passed_on := taken_over(entries)) is not None:
            return await self.agent(passed_on)
        if self._about.agent_id is not None:
            return await self.agent(self._about.agent_id, self._about.agent_version)
        assert self._about.model is not None
        return Participant(self._about.model, self._about.instructions, self._args, self._about.tools or ())

    async def agent(self, id: str, version: int | str | None = None) -> Participant:
        """An agent. Raises `NotFound`."""
        definition = (await self._find(id, version)).definition
        return Participant(
            definition.model,
            definition.instructions,
            self._args.over(definition.completion_args),
            definition.tools or (),
            agent_id=id,
            name=definition.name,
            colleagues=[colleague async for colleague in self._colleagues(definition.handoffs or ())],
        )

    async def _colleagues(self, ids: Sequence[str]) -> AsyncGenerator[Colleague]:
        """Those that are still there."""
        for id in dict.fromkeys(ids):
            with suppress(NotFound):
                definition = (await self._find(id)).definition
                yield Colleague(id, definition.name, definition.description)

    async def _find(self, id: str, version: int | str | None = None) -> Agent:
        return await asyncio.to_thread(self._agents.find, self._workspace, id, version)
