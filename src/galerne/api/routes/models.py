"""`GET /v1/models`: what this server runs."""

from __future__ import annotations

from fastapi import APIRouter

from galerne.api.documentation import fails
from galerne.errors import ModelNotFound
from galerne.flows.served import ServedModel, ServedModels
from galerne.protocol.models import ModelCard, ModelList
from galerne.settings import Settings


def model_routes(models: ServedModels, settings: Settings) -> APIRouter:
    router = APIRouter(tags=["models"])

    def card(model: ServedModel) -> ModelCard:
        return ModelCard(
            id=model.name,
            name=model.name,
            created=model.created,
            max_context_length=model.generator.context_length,
            aliases=models.aliases_of(model),
            default_model_temperature=settings.default_temperature,
            sha256=model.digest,
        )

    @router.get("/v1/models")
    async def list_models() -> ModelList:
        """The models that can be asked."""
        return ModelList(data=[card(model) for model in models])

    @router.get("/v1/models/{id:path}", responses=fails(ModelNotFound))
    async def show_model(id: str) -> ModelCard:
        """One model, by its name or an alias."""
        return card(models.find(id))

    return router
