"""`/v1/admin/settings`, `/v1/admin/health` and `/v1/admin/models`."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.caller import caller_of
from galerne.api.documentation import STREAMED, fails
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.api.sse import EventStream
from galerne.errors import BadFile, ModelNotFound, SettingsError
from galerne.flows.installation import Installation
from galerne.flows.pulling import Pulling
from galerne.identity.permissions import Permission
from galerne.protocol.installation import Health, InstalledModels, SettingList


def admin_installation_routes(installation: Installation, pulling: Pulling) -> Router:
    router = Router(tags=["admin"], dependencies=[needs(Permission.SETTINGS)])

    @router.get("/v1/admin/settings")
    async def list_settings() -> SettingList:
        """Each setting, and where it comes from."""
        return SettingList(data=await asyncio.to_thread(installation.settings))

    @router.get("/v1/admin/health")
    async def show_health() -> Health:
        """Versions, disk, memory, and how the engines are."""
        return await installation.health()

    @router.get("/v1/admin/models")
    async def list_installed() -> InstalledModels:
        """The models of the catalogue, and the imported ones: which are here, and which fit this machine."""
        return InstalledModels(data=await asyncio.to_thread(installation.models))

    @router.post(
        "/v1/admin/models/{name}/pull",
        response_model=None,
        responses=STREAMED | fails(ModelNotFound, SettingsError, BadFile),
        dependencies=[needs(Permission.MODELS_MANAGE)],
    )
    async def pull(name: Id, http: Request) -> Response:
        """Fetch a model of the catalogue, and hear how far that is. It goes on though one stops listening."""
        events = pulling.pull(name, caller_of(http))
        return EventStream(await anext(events), events)

    return router
