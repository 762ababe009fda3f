"""`/v1/admin/organisation` and `/v1/admin/workspaces`."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Query, Request

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.identity_cards import workspace_card
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, NotFound, Taken, TooLarge
from galerne.flows.limits import check_limit
from galerne.flows.workspaces import Workspaces
from galerne.identity.permissions import Permission
from galerne.protocol.identity import (
    Named,
    OrganisationFields,
    WorkspaceCard,
    WorkspaceChanges,
    WorkspaceFields,
    WorkspacePage,
)
from galerne.protocol.pages import PageQuery
from galerne.settings import Settings

_MANAGING = [needs(Permission.USERS)]


def admin_workspace_routes(workspaces: Workspaces, settings: Settings) -> Router:
    router = Router(tags=["admin"], dependencies=[needs(Permission.USERS_READ)])

    @router.get("/v1/admin/organisation", responses=fails(DatabaseUnavailable))
    async def show_organisation() -> Named:
        """The organisation that this installation is of."""
        organisation = await asyncio.to_thread(workspaces.organisation)
        return Named(id=organisation.id, name=organisation.name)

    @router.patch(
        "/v1/admin/organisation",
        responses=fails(*READING, *KEEPING),
        openapi_extra=takes(OrganisationFields),
        dependencies=_MANAGING,
    )
    async def rename_organisation(http: Request) -> Named:
        """Say what it is called."""
        fields = await read(OrganisationFields, http, settings)
        organisation = await asyncio.to_thread(workspaces.rename_organisation, fields.name, caller_of(http))
        return Named(id=organisation.id, name=organisation.name)

    @router.get("/v1/admin/workspaces", responses=fails(TooLarge, DatabaseUnavailable))
    async def list_workspaces(query: Annotated[PageQuery, Query()]) -> WorkspacePage:
        """By their ids."""
        check_limit("page_size", query.page_size, settings.max_page_size)
        found = await asyncio.to_thread(workspaces.page, query.page, query.page_size)
        return WorkspacePage(data=[workspace_card(workspace) for workspace in found])

    @router.post(
        "/v1/admin/workspaces",
        responses=fails(*READING, *KEEPING, Taken),
        openapi_extra=takes(WorkspaceFields),
        dependencies=_MANAGING,
    )
    async def create_workspace(http: Request) -> WorkspaceCard:
        """A new workspace, whose id stays."""
        fields = await read(WorkspaceFields, http, settings)
        return workspace_card(await asyncio.to_thread(workspaces.create, fields.id, fields.name, caller_of(http)))

    @router.get("/v1/admin/workspaces/{id}", responses=fails(NotFound, DatabaseUnavailable))
    async def show_workspace(id: Id) -> WorkspaceCard:
        """What is known of a workspace."""
        return workspace_card(await asyncio.to_thread(workspaces.get, id))

    @router.patch(
        "/v1/admin/workspaces/{id}",
        responses=fails(*READING, *KEEPING, NotFound),
        openapi_extra=takes(WorkspaceChanges),
        dependencies=_MANAGING,
    )
    async def change_workspace(id: Id, http: Request) -> WorkspaceCard:
        """Rename a workspace, disable it, or enable it again. Nobody of a disabled one may ask anything."""
        changes = await read(WorkspaceChanges, http, settings)
        changed = await asyncio.to_thread(
            workspaces.change, id, caller_of(http), name=changes.name, disabled=changes.disabled
        )
        return workspace_card(changed)

    return router
