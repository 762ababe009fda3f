"""`GET /v1/models`: what this server runs."""

from __future__ import annotations

from fastapi import Request

from galerne.api.access import needs
from galerne.api.caller import caller_of
from galerne.api.documentation import fails
from galerne.api.router import Router
from galerne.errors import ModelNotFound
from galerne.flows.cards import list_cards, show_card
from galerne.flows.served import ServedModels
from galerne.identity.permissions import Permission
from galerne.protocol.models import ModelCard, ModelList
from galerne.settings import Settings


def model_routes(models: ServedModels, settings: Settings) -> Router:
    router = Router(tags=["models"], dependencies=[needs(Permission.MODELS)])

    @router.get("/v1/models")
    async def list_models(http: Request) -> ModelList:
        """The models that one may ask."""
        return ModelList(data=list_cards(models.of(caller_of(http)), settings))

    @router.get("/v1/models/{id:path}", responses=fails(ModelNotFound))
    async def show_model(id: str, http: Request) -> ModelCard:
        """One model, by its name or an alias."""
        return show_card(id, models.of(caller_of(http)), settings)

    return router
