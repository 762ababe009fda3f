"""What a server says of its models: the flows' own view of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerne.backends.generator import Generator
    from galerne.bootstrap.models import LoadedModel, OpenModel
    from galerne.flows.served import Footprint, ServedEmbedder, ServedModel
    from galerne.models import ModelConfig
    from galerne.settings import Settings
    from galerne.weights.catalogue import Entry


def served_model(model: OpenModel | LoadedModel, generator: Generator, settings: Settings) -> ServedModel:
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
            footprint=_footprint(model.entry, settings) if model.entry else None,
        ),
        tokenizer=model.tokenizer,
        template=model.template,
        fim=find_fim(model.tokenizer) if may_fill else None,
        generator=generator,
    )


def _footprint(entry: Entry, settings: Settings) -> Footprint:
    from galerne.flows.served import Footprint
    from galerne.weights.memory import estimated_memory, machine_memory

    memory = estimated_memory(entry, settings.kv_cache_type)
    return Footprint(entry.weight_bytes, entry.parameters, memory, memory <= machine_memory())


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
