"""A model, by its name: its files opened, its weights loaded into kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerne.kernels.interface import Kernels
    from galerne.models import Model, ModelConfig
    from galerne.prompt.template import ChatTemplate
    from galerne.prompt.tokenizer import Tokenizer
    from galerne.settings import Settings
    from galerne.weights.catalogue import Entry
    from galerne.weights.checkpoint import Checkpoint

Announce = Callable[[str], None]
"""Told what takes long while it does, one line at a time."""


@dataclass(frozen=True, slots=True)
class OpenModel:
    """What is known of a model before its weights are loaded. `open_local_model` sets every field."""

    name: str  # the catalogue's name, or the file's
    path: Path
    entry: Entry | None  # what is known of it; None for a path
    owner: str  # who published it
    digest: str  # SHA-256 of its files
    checkpoint: Checkpoint
    config: ModelConfig
    tokenizer: Tokenizer
    template: ChatTemplate
    draft: Checkpoint | None  # the small model that guesses for it


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model with its weights in memory. `load_local_model` sets every field."""

    name: str
    path: Path
    entry: Entry | None
    owner: str
    digest: str
    config: ModelConfig
    tokenizer: Tokenizer
    template: ChatTemplate
    size: int  # bytes of its tensors, in the file
    model: Model  # forward(batch) -> logits
    draft: Model | None
    level: str  # of the kernels


def open_local_model(name: str, settings: Settings) -> OpenModel:
    """Open a model by catalogue name, alias or path, without its weights.

    Raises `ModelNotFound`, `BadFile`, `UnsupportedFile`, and `SettingsError` for a draft model of other tokens.
    """
    from galerne.models import read_config
    from galerne.prompt import open_template, open_tokenizer
    from galerne.weights import digest, open_checkpoint
    from galerne.weights.resolve import resolve

    local = resolve(name, settings)
    checkpoint = open_checkpoint(local.path)
    tokenizer = open_tokenizer(checkpoint)
    draft = open_draft(settings)
    if draft is not None:
        _check_draft(draft, local.name, tokenizer)
    return OpenModel(
        name=local.name,
        path=local.path,
        entry=local.entry,
        owner=_owner(checkpoint, local.entry),
        digest=digest(checkpoint),
        checkpoint=checkpoint,
        config=read_config(checkpoint),
        tokenizer=tokenizer,
        template=open_template(checkpoint, tokenizer, settings),
        draft=draft,
    )


def load_local_model(name: str, settings: Settings, announce: Announce = lambda _: None) -> LoadedModel:
    """Load a model by catalogue name, alias or path. `announce` gets a line when kernels are compiled first.

    Raises `ModelNotFound`, `BadFile`, `UnsupportedFile`, `SettingsError`.
    """
    opened = open_local_model(name, settings)
    model, draft, level = load_weights(opened.checkpoint, opened.draft, settings, announce)
    return LoadedModel(
        name=opened.name,
        path=opened.path,
        entry=opened.entry,
        owner=opened.owner,
        digest=opened.digest,
        config=opened.config,
        tokenizer=opened.tokenizer,
        template=opened.template,
        size=sum(tensor.data.nbytes for tensor in opened.checkpoint.tensors.values()),
        model=model,
        draft=draft,
        level=level,
    )


def compile_kernels(settings: Settings, announce: Announce) -> None:
    """Have the kernels compiled, if they are not yet, so that what is loaded next only loads."""
    _open_kernels(settings, announce)


def load_weights(
    checkpoint: Checkpoint, draft: Checkpoint | None, settings: Settings, announce: Announce
) -> tuple[Model, Model | None, str]:
    """The model, its draft, and the level of their kernels. The caches share the memory that the settings allow."""
    from galerne.models import blocks_for, load, read_config

    kernels = _open_kernels(settings, announce)
    checkpoints = [checkpoint] if draft is None else [checkpoint, draft]
    blocks = blocks_for([read_config(each) for each in checkpoints], kernels, settings.kv_cache_mb << 20)
    model, *others = [load(each, kernels, blocks, settings.max_batch_tokens) for each in checkpoints]
    return model, others[0] if others else None, kernels.level


def _open_kernels(settings: Settings, announce: Announce) -> Kernels:
    from galerne.kernels import open_kernels

    folder, cache = settings.kernels_dir, settings.kv_cache_type
    return open_kernels(settings.kernels, settings.threads, folder, announce, cache=cache)


def open_draft(settings: Settings) -> Checkpoint | None:
    """The small model that guesses, if the settings name one. Raises what `open_local_model` raises."""
    from galerne.weights import open_checkpoint
    from galerne.weights.resolve import resolve

    if settings.draft_model is None or not settings.speculation:
        return None
    return open_checkpoint(resolve(settings.draft_model, settings).path)


def _check_draft(draft: Checkpoint, name: str, tokenizer: Tokenizer) -> None:
    """Raise `SettingsError` when its tokens are not those of the model of this name."""
    from galerne.errors import SettingsError
    from galerne.prompt import open_tokenizer, same_tokens

    if not same_tokens(tokenizer, open_tokenizer(draft)):
        hint = "Choose a smaller model of the same family."
        raise SettingsError(f"{draft.path.name} has another vocabulary than {name}.", where="draft_model", hint=hint)


def _owner(checkpoint: Checkpoint, entry: Entry | None) -> str:
    """Who published a model, as far as its file or its source says."""
    named = checkpoint.metadata.get("general.organization")
    if isinstance(named, str) and named:
        return named[:100]
    scheme, _, place = (entry.source if entry else "").partition(":")
    return place.partition("/")[0] if scheme == "hf" else "unknown"
