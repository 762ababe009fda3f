"""What a server says of its models."""

from __future__ import annotations

from galerne.flows.served import ServedModels
from galerne.prompt.template import NoTemplate
from galerne.protocol.models import Capabilities, ModelCard
from galerne.settings import Settings


def list_cards(models: ServedModels, settings: Settings) -> list[ModelCard]:
    """Of every model."""
    return [show_card(name, models, settings) for name in models.names]


def show_card(name: str, models: ServedModels, settings: Settings) -> ModelCard:
    """Of the model of that name or alias. Raises `ModelNotFound`, `Forbidden`."""
    name = models.own_name(name)
    writer, embedder = models.writer(name), models.embedder(name)
    model = writer or embedder
    assert model is not None  # it has a name
    converses = writer is not None and not isinstance(writer.template, NoTemplate)
    footprint = model.origin.footprint
    return ModelCard(
        id=name,
        name=name,
        created=model.origin.created,
        owned_by=model.origin.owner,
        max_context_length=model.context_length,
        aliases=models.aliases_of(name),
        capabilities=Capabilities(
            completion_chat=converses,
            completion_fim=writer is not None and writer.fim is not None,
            function_calling=converses,  # where a template knows no tools, they are told in words
            embeddings=embedder is not None,
            reasoning=writer is not None and writer.template.thinking is not None,
        ),
        default_model_temperature=settings.default_temperature if writer else None,
        licence=model.origin.licence,
        sha256=model.digest,
        size=footprint and footprint.size,
        parameters=footprint and footprint.parameters,
        memory=footprint and footprint.memory,
        fits=footprint and footprint.fits,
    )
