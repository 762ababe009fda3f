"""What people call a model -> where it lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from galerne.errors import ModelNotFound
from galerne.settings import Settings
from galerne.weights.catalogue import NAME, Entry, load_catalogue
from galerne.weights.store import Store


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that is on this machine. `resolve` sets every field."""

    name: str  # the store's name, or the file's or folder's
    path: Path  # a GGUF file, or a folder of safetensors
    entry: Entry | None  # what is known of it; None for a path


def resolve(asked: str, settings: Settings) -> LocalModel:
    """The model that an alias, a name or a path means, in this order.

    Raises `ModelNotFound`, which says how to get a model that is only in the catalogue, or which names are near.
    """
    name = settings.aliases.get(asked, asked)
    catalogue, store = load_catalogue(settings.catalogue), Store(settings.models_dir)
    if NAME.fullmatch(name) and (manifest := store.manifest(name)) is not None:
        return LocalModel(name, store.path(name, manifest), manifest.entry)
    if name in catalogue:
        raise ModelNotFound(
            "the model is in the catalogue but not on this machine.",
            where=asked,
            hint=f"Get it with `galerne models pull {name}`.",
        )
    path = Path(os.path.expanduser(name))
    if name and os.path.exists(path):
        return LocalModel(path.stem if path.is_file() else Path(os.path.abspath(path)).name, path, None)
    known = {*settings.aliases, *catalogue, *store.names()}
    near = get_close_matches(asked[:100], sorted(known), n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else "See `galerne models list`."
    raise ModelNotFound("there is no model of that name, alias or path.", where=asked[:200], hint=hint)
