"""Agents: made, looked for, changed version by version, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from galerne.agents.agent import Agent, AgentChoice, AgentStore, AgentWindow, Alias
from galerne.agents.threads import new_id, now
from galerne.errors import InvalidRequest, NotFound
from galerne.flows.limits import check_limit
from galerne.flows.served import ServedModels
from galerne.identity.caller import Caller
from galerne.protocol.agents import AgentDefinition, AgentFilter, UpdateAgentRequest
from galerne.protocol.metadata import parse_metadata
from galerne.settings import Settings

SOURCE = "api"
"""Where all agents come from."""


class Agents:
    """The flow behind `/v1/agents`. Its methods raise `NotFound`, also for another workspace's agents."""

    def __init__(self, store: AgentStore, models: ServedModels, settings: Settings) -> None:
        self._store = store
        self._models = models
        self._settings = settings

    async def create(self, definition: AgentDefinition, caller: Caller) -> Agent:
        """Raises `ModelNotFound`, `Forbidden`, `TooLarge`, and `InvalidRequest` for a hand-off to an agent that is
        not there."""
        await self._check(definition, caller)
        time = now()
        agent = Agent(
            new_id("ag"), caller.workspace, time, time, 0, 0, offered=False, definition=definition, user=caller.user
        )
        await asyncio.to_thread(self._store.add, agent)
        return agent

    async def find(self, id: str, version: int | str | None, caller: Caller) -> Agent:
        return await asyncio.to_thread(self._store.find, caller.workspace, id, version)

    async def page(self, wanted: AgentFilter, window: AgentWindow, caller: Caller) -> Sequence[Agent]:
        """Raises `InvalidRequest`, `TooLarge`."""
        check_limit("page_size", window.most, self._settings.max_page_size)
        if wanted.sources is not None and SOURCE not in wanted.sources:
            return []
        which = AgentChoice(
            offered=wanted.deployment_chat,
            name=wanted.name,
            search=wanted.search,
            id=wanted.id,
            metadata=parse_metadata(wanted.metadata),
        )
        return await asyncio.to_thread(self._store.page, caller.workspace, which, window)

    async def update(self, id: str, request: UpdateAgentRequest, caller: Caller) -> Agent:
        """Raises what `create` raises."""
        definition = request.over((await self.find(id, None, caller)).definition)
        await self._check(definition, caller)
        change, offered = request.over, request.deployment_chat
        return await asyncio.to_thread(self._store.change, caller.workspace, id, change, offered, caller.user)

    async def switch(self, id: str, version: int, caller: Caller) -> Agent:
        return await asyncio.to_thread(self._store.switch, caller.workspace, id, version)

    async def versions(self, id: str, page: int, size: int, caller: Caller) -> Sequence[Agent]:
        """Raises `TooLarge`."""
        check_limit("page_size", size, self._settings.max_page_size)
        return await asyncio.to_thread(self._store.versions, caller.workspace, id, page * size, size)

    async def name(self, id: str, alias: str, version: int, caller: Caller) -> Alias:
        return await asyncio.to_thread(self._store.name, caller.workspace, id, alias, version)

    async def aliases(self, id: str, caller: Caller) -> Sequence[Alias]:
        return await asyncio.to_thread(self._store.aliases, caller.workspace, id)

    async def forget(self, id: str, alias: str, caller: Caller) -> None:
        await asyncio.to_thread(self._store.forget, caller.workspace, id, alias)

    async def delete(self, id: str, caller: Caller) -> None:
        await asyncio.to_thread(self._store.delete, caller.workspace, id)

    async def _check(self, definition: AgentDefinition, caller: Caller) -> None:
        self._models.of(caller).find(definition.model)
        handoffs = definition.handoffs or []
        check_limit("metadata", len(definition.metadata or {}), self._settings.max_metadata)
        check_limit("handoffs", len(handoffs), self._settings.max_agent_handoffs)
        for place, id in enumerate(handoffs):
            try:
                await self.find(id, None, caller)
            except NotFound as failure:
                raise InvalidRequest(failure.message, where=f"handoffs[{place}]") from None
