"""What a server says of its models: the flows' own view of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from galerne.bootstrap.models import open_local_model

if TYPE_CHECKING:
    from galerne.backends.generator import Generator
    from galerne.bootstrap.models import LoadedModel, OpenModel
    from galerne.flows.loading import OpenedModel
    from galerne.flows.served import Footprint, ServedEmbedder, ServedModel
    from galerne.models import ModelConfig
    from galerne.settings import Settings


def open_served_model(name: str, settings: Settings, worker: tuple[str, ...]) -> OpenedModel:
    """A model of this machine, by name, alias or path, and its engine, which `worker` starts in a process of its own.

    Raises what `open_local_model` raises, and `TemplateError`.
    """
    from galerne.backends.messages import Load
    from galerne.backends.supervised import SupervisedGenerator
    from galerne.flows.loading import OpenedModel

    if name != settings.model:  # the draft model guesses for that one
        settings = settings.model_copy(update={"draft_model": None})
    opened = open_local_model(name, settings)
    opened.template.check()
    engine = SupervisedGenerator(
        worker,
        Load(str(opened.path), settings.model_dump(mode="json")),
        context_length=opened.config.context_length,
        hang_seconds=settings.engine_hang_seconds,
        start_seconds=settings.engine_start_seconds,
    )
    model = served_model(opened, engine, _footprint(opened, settings))
    return OpenedModel(model, pooled_embedder(model, opened.config), engine, listed=opened.entry is not None)


def served_model(
    model: OpenModel | LoadedModel, generator: Generator, footprint: Footprint | None = None
) -> ServedModel:
    """A model, and how to talk to it, for the flows."""
    from galerne.flows.served import Origin, ServedModel
    from galerne.prompt.fim import find_fim

    # Whether it was trained for it, the vocabulary does not say: it decides only where nobody knows better.
    may_fill = model.entry is None or model.entry.fim is not False
    return ServedModel(
        name=model.name,
        origin=Origin(
            digest=model.digest,
            created=int(model.path.stat().st_mtime),
            owner=model.owner,
            licence=model.entry.licence if model.entry else None,
            footprint=footprint,
        ),
        tokenizer=model.tokenizer,
        template=model.template,
        fim=find_fim(model.tokenizer) if may_fill else None,
        generator=generator,
    )


def _footprint(model: OpenModel, settings: Settings) -> Footprint:
    """By the catalogue, if it knows the model; or else by its files."""
    from galerne.flows.served import Footprint
    from galerne.weights.catalogue import CacheShape
    from galerne.weights.memory import estimated_memory, machine_memory, needed_memory

    if (entry := model.entry) is not None:
        size, parameters = entry.weight_bytes, entry.parameters
        memory = estimated_memory(entry, settings.kv_cache_type)
    else:
        config, size, parameters = model.config, model.checkpoint.size, model.checkpoint.parameters
        cache = CacheShape(layers=config.layers, kv_heads=config.kv_heads, head_dim=config.head_dim)
        memory = needed_memory(size, cache, config.context_length, settings.kv_cache_type)
    return Footprint(size, parameters, memory, memory <= machine_memory())


def pooled_embedder(model: ServedModel, config: ModelConfig) -> ServedEmbedder:
    """The vectors of a model that writes, under its own name."""
    from galerne.backends.pooled import PooledEmbedder
    from galerne.flows.served import ServedEmbedder

    embedder = PooledEmbedder(model.generator, model.tokenizer, config.width)
    return ServedEmbedder(model.name, model.origin, embedder)


def served_encoder(settings: Settings) -> ServedEmbedder:
    """The sentence encoder, which every server has."""
    from galerne.backends import sentence_encoder
    from galerne.flows.served import Origin, ServedEmbedder

    weights = sentence_encoder.encoder_folder() / "weights.npz"
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    origin = Origin(digest, int(weights.stat().st_mtime), sentence_encoder.OWNER, sentence_encoder.LICENCE)
    return ServedEmbedder(sentence_encoder.NAME, origin, sentence_encoder.SentenceEncoder(settings))
