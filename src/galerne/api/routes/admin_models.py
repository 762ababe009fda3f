"""`/v1/admin/models`: what is here, fetching more of it, loading and unloading."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.caller import caller_of
from galerne.api.documentation import STREAMED, fails
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.api.sse import EventStream
from galerne.errors import BadFile, Busy, MemoryFull, ModelNotFound, SettingsError, TemplateError, UnsupportedFile
from galerne.flows.installed import InstalledList
from galerne.flows.loading import Loading
from galerne.flows.pulling import Pulling
from galerne.identity.permissions import Permission
from galerne.protocol.installation import InstalledModel, InstalledModels


def admin_model_routes(installed: InstalledList, pulling: Pulling, loading: Loading) -> Router:
    router = Router(tags=["admin"], dependencies=[needs(Permission.SETTINGS)])

    @router.get("/v1/admin/models")
    async def list_installed() -> InstalledModels:
        """The models of the catalogue, and the imported ones: which are here, which are loaded, and what they take."""
        return InstalledModels(data=await installed.cards())

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

    @router.post(
        "/v1/admin/models/{name}/load",
        status_code=202,
        responses=fails(ModelNotFound, Busy, MemoryFull, BadFile, UnsupportedFile, TemplateError, SettingsError),
        dependencies=[needs(Permission.MODELS_MANAGE)],
    )
    async def load(name: Id, http: Request) -> InstalledModel:
        """Start an engine for a model that is here. Its files have been checked then; its state tells the rest."""
        return await installed.card(await loading.load(name, caller_of(http)))

    @router.post(
        "/v1/admin/models/{name}/unload",
        status_code=202,
        responses=fails(ModelNotFound, Busy),
        dependencies=[needs(Permission.MODELS_MANAGE)],
    )
    async def unload(name: Id, http: Request) -> InstalledModel:
        """Let nobody ask a model any longer, and end its engine as soon as its answers are done, or have had time."""
        return await installed.card(await loading.unload(name, caller_of(http)))

    return router
