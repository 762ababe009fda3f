"""What a user asks of the models of this machine: list, show, pull, import, remove."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from galerne.errors import InvalidRequest, ModelNotFound, UnsupportedFile
from galerne.settings import Settings
from galerne.weights import open_checkpoint
from galerne.weights.catalogue import NAME, CacheShape, Entry, load_catalogue
from galerne.weights.memory import estimated_memory, machine_memory
from galerne.weights.pull import link, pull
from galerne.weights.resolve import resolve
from galerne.weights.sources import Progress
from galerne.weights.store import Manifest, Store

SEE_LIST = "See `galerne models list --here`."


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a model, and what it is to this machine."""

    entry: Entry
    manifest: Manifest | None  # None: it is not here
    path: Path | None  # where it lies
    memory: int  # bytes that it needs, estimated
    fits: bool  # whether that is no more than this machine has
    aliases: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return self.manifest.size if self.manifest else self.entry.weight_bytes

    @property
    def sha256(self) -> str | None:
        return self.manifest.sha256 if self.manifest else self.entry.sha256


def list_models(settings: Settings) -> list[ModelCard]:
    """The catalogue's models, and the imported ones. Raises `SettingsError`, `BadFile`."""
    catalogue, store = load_catalogue(settings.catalogue), Store(settings.models_dir)
    return [_card(name, catalogue, store, settings) for name in dict.fromkeys([*catalogue, *store.names()])]


def show_model(asked: str, settings: Settings) -> ModelCard:
    """One model, by name or alias. Raises `ModelNotFound`, `SettingsError`, `BadFile`."""
    name = settings.aliases.get(asked, asked)
    catalogue, store = load_catalogue(settings.catalogue), Store(settings.models_dir)
    if name not in catalogue and name not in store.names():
        path = resolve(asked, settings).path
        hint = "Give it a name with `galerne models import`."
        raise ModelNotFound("is a file that the catalogue does not know.", where=str(path), hint=hint)
    return _card(name, catalogue, store, settings)


def pull_model(asked: str, settings: Settings, progress: Progress) -> Path:
    """Fetch a model of the catalogue, by name or alias, unless it is here; a path is here already.

    Raises `ModelNotFound`, `UnsupportedFile`, `PullError`, `SettingsError`.
    """
    entry = load_catalogue(settings.catalogue).get(settings.aliases.get(asked, asked))
    if entry is not None:
        if entry.unsupported is not None:
            raise UnsupportedFile(f"this version cannot run it: {entry.unsupported}", where=entry.name)
        pull(entry, Store(settings.models_dir), progress)
    return resolve(asked, settings).path


def import_model(
    path: Path, name: str | None, licence: str, settings: Settings, progress: Progress, *, linked: bool
) -> ModelCard:
    """Copy a file or folder among the models, or leave it where it lies and know it there (`linked`).

    One that takes a name of the catalogue must be what the catalogue promises. Raises `InvalidRequest`, `BadFile`,
    `ModelNotFound`, `PullError`.
    """
    name = name or _plain_name(path)
    catalogue, store = load_catalogue(settings.catalogue), Store(settings.models_dir)
    if store.manifest(name) is not None:
        hint = f"Choose another with --name, or `galerne models remove {name}` first."
        raise InvalidRequest("there is a model of that name already.", where=name, hint=hint)
    described = _describe(path, name, licence)
    entry = catalogue[name].model_copy(update={"source": described.source}) if name in catalogue else described
    if linked:
        link(entry, path, store, progress)
    else:
        pull(entry, store, progress)
    return _card(name, catalogue, store, settings)


def remove_model(name: str, settings: Settings) -> None:
    """Delete a model from this machine, by its own name; a linked file stays where it is. Raises `ModelNotFound`."""
    store = Store(settings.models_dir)
    with store.lock(name):
        if not store.remove(name):
            hint = f"{name} is an alias of {settings.aliases[name]}." if name in settings.aliases else SEE_LIST
            raise ModelNotFound("this model is not on this machine.", where=name, hint=hint)


def _describe(path: Path, name: str, licence: str) -> Entry:
    """The entry of a file that no catalogue knows. Raises `BadFile`, also when this version cannot run it."""
    from galerne.models import read_config

    checkpoint = open_checkpoint(path)
    config = read_config(checkpoint)
    try:
        return Entry(
            name=name,
            licence=licence,
            commercial=None,
            parameters=checkpoint.parameters,
            architecture=config.architecture,
            context=config.context_length,
            fim=None,
            cache=CacheShape(layers=config.layers, kv_heads=config.kv_heads, head_dim=config.head_dim),
            source=f"file:{os.path.abspath(path)}",
            size=checkpoint.size,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRequest(f"{first['msg']}.", where=".".join(str(part) for part in first["loc"])) from None


def _plain_name(path: Path) -> str:
    """A name made of a file's."""
    stem = path.stem if path.is_file() else Path(os.path.abspath(path)).name
    name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("._-")[:100]
    return name if NAME.fullmatch(name) else "model"


def _card(name: str, catalogue: dict[str, Entry], store: Store, settings: Settings) -> ModelCard:
    manifest = store.manifest(name)
    entry = manifest.entry if manifest else catalogue[name]
    memory = estimated_memory(entry, settings.kv_cache_type)
    return ModelCard(
        entry=entry,
        manifest=manifest,
        path=store.place(name) / manifest.file if manifest else None,
        memory=memory,
        fits=memory <= machine_memory(),
        aliases=tuple(alias for alias, target in settings.aliases.items() if target == name),
    )
