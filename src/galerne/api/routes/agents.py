"""`/v1/agents`, as `mistralai` speaks it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from galerne.agents.agent import Agent, AgentWindow, Alias
from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.page_token import page_token, place_of
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, InvalidRequest, ModelNotFound, NotFound, TooLarge
from galerne.flows.agents import Agents
from galerne.identity.permissions import Permission
from galerne.protocol.agents import (
    AgentAlias,
    AgentCard,
    AgentDefinition,
    AgentPage,
    AgentPageQuery,
    AgentQuery,
    UpdateAgentRequest,
)
from galerne.protocol.agents import Alias as AliasName
from galerne.protocol.pages import PageQuery
from galerne.settings import Settings

_MANAGING = [needs(Permission.AGENTS)]
_FINDING = fails(NotFound, InvalidRequest, DatabaseUnavailable)
_LISTING = fails(InvalidRequest, TooLarge, DatabaseUnavailable)
_CHANGING = fails(*READING, *KEEPING, ModelNotFound, NotFound)

Version = Annotated[int, Query(ge=0, lt=2**31)]


def agent_routes(agents: Agents, settings: Settings) -> Router:
    router = Router(tags=["agents"], dependencies=[needs(Permission.AGENTS_READ)])

    @router.post("/v1/agents", responses=_CHANGING, openapi_extra=takes(AgentDefinition), dependencies=_MANAGING)
    async def create_agent(http: Request) -> AgentCard:
        """Make an agent; this is its version 0."""
        return _card(await agents.create(await read(AgentDefinition, http, settings), caller_of(http)))

    @router.get("/v1/agents", responses=_LISTING)
    async def list_agents(http: Request, query: Annotated[AgentQuery, Query()]) -> list[AgentCard]:
        """The agents in their current versions, the newest first."""
        window = AgentWindow(query.page_size, skip=query.page * query.page_size)
        return [_card(agent) for agent in await agents.page(query, window, caller_of(http))]

    @router.get("/v1/agents/pages", responses=_LISTING)
    async def list_agent_pages(http: Request, query: Annotated[AgentPageQuery, Query()]) -> AgentPage:
        """The same, page by page, with none twice and none left out whatever is made meanwhile."""
        behind = None if query.page_token is None else place_of(query.page_token)
        found = await agents.page(query, AgentWindow(query.page_size, behind=behind), caller_of(http))
        last = found[-1] if len(found) == query.page_size else None
        token = page_token(last.created_at.timestamp(), last.id) if last else None
        return AgentPage(data=[_card(agent) for agent in found], next_page_token=token)

    @router.get("/v1/agents/{id}", responses=_FINDING)
    async def show_agent(
        id: Id, http: Request, agent_version: Annotated[str | None, Query(description="Or an alias.")] = None
    ) -> AgentCard:
        """An agent in its current version, or in another one."""
        return _card(await agents.find(id, agent_version, caller_of(http)))

    @router.patch(
        "/v1/agents/{id}", responses=_CHANGING, openapi_extra=takes(UpdateAgentRequest), dependencies=_MANAGING
    )
    async def update_agent(id: Id, http: Request) -> AgentCard:
        """Give an agent a new version, which becomes the current one, unless nothing changes."""
        return _card(await agents.update(id, await read(UpdateAgentRequest, http, settings), caller_of(http)))

    @router.delete("/v1/agents/{id}", status_code=204, responses=fails(NotFound, *KEEPING), dependencies=_MANAGING)
    async def delete_agent(id: Id, http: Request) -> None:
        """Delete an agent. Its conversations stay, and can be read."""
        await agents.delete(id, caller_of(http))

    _add_versions(router, agents)
    _add_aliases(router, agents)
    return router


def _add_versions(router: Router, agents: Agents) -> None:
    @router.patch("/v1/agents/{id}/version", responses=_FINDING | fails(*KEEPING), dependencies=_MANAGING)
    async def switch_version(id: Id, version: Version, http: Request) -> AgentCard:
        """Make a version the current one."""
        return _card(await agents.switch(id, version, caller_of(http)))

    @router.get("/v1/agents/{id}/versions", responses=_FINDING | fails(TooLarge))
    async def list_versions(id: Id, http: Request, query: Annotated[PageQuery, Query()]) -> list[AgentCard]:
        """An agent's versions, the newest first."""
        found = await agents.versions(id, query.page, query.page_size, caller_of(http))
        return [_card(agent) for agent in found]

    @router.get("/v1/agents/{id}/versions/{version}", responses=_FINDING)
    async def show_version(id: Id, version: str, http: Request) -> AgentCard:
        """An agent in a version, by its number or an alias."""
        return _card(await agents.find(id, version, caller_of(http)))


def _add_aliases(router: Router, agents: Agents) -> None:
    @router.put("/v1/agents/{id}/aliases", responses=_FINDING | fails(*KEEPING), dependencies=_MANAGING)
    async def name_version(id: Id, alias: Annotated[AliasName, Query()], version: Version, http: Request) -> AgentAlias:
        """Give a version another name, or move the name there."""
        return _alias(await agents.name(id, alias, version, caller_of(http)))

    @router.get("/v1/agents/{id}/aliases", responses=_FINDING)
    async def list_aliases(id: Id, http: Request) -> list[AgentAlias]:
        """The names that an agent's versions have."""
        return [_alias(alias) for alias in await agents.aliases(id, caller_of(http))]

    @router.delete(
        "/v1/agents/{id}/aliases", status_code=204, responses=_FINDING | fails(*KEEPING), dependencies=_MANAGING
    )
    async def forget_alias(id: Id, alias: str, http: Request) -> None:
        """Take a name away."""
        await agents.forget(id, alias, caller_of(http))


def _card(agent: Agent) -> AgentCard:
    return AgentCard(
        **dict(agent.definition),
        id=agent.id,
        version=agent.version,
        versions=list(range(agent.latest + 1)),
        created_at=agent.created_at,
        updated_at=agent.updated_at,
        deployment_chat=agent.offered,
    )


def _alias(alias: Alias) -> AgentAlias:
    return AgentAlias(
        alias=alias.alias, version=alias.version, created_at=alias.created_at, updated_at=alias.updated_at
    )
