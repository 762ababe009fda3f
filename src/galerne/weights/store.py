"""The models of this machine: one folder each, under `Settings.models_dir`.

    NAME/model.json      what it is: `Manifest`
    NAME/...             its file, or its folder of files; nothing when it was imported as a link
    .partial/NAME/       what an interrupted pull has so far
    .ready/NAME/         what is about to appear
    .trash/NAME/         what is about to be deleted
    .locks/NAME.lock     held by whoever pulls, imports or removes it

A model's folder appears in one rename when all of it is there and checked, so whoever looks sees all or nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from galerne.errors import BadFile, ModelNotFound, SettingsError
from galerne.weights.catalogue import NAME, Entry
from galerne.weights.digest import note_path

MANIFEST = "model.json"
MAX_MANIFEST = 1 << 16


class Manifest(BaseModel):
    """What is known of a model that is here. Whoever pulled or imported it set every field."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    entry: Entry  # as the catalogue had it then; of an imported model, what its file says
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")  # as `digest` computes it, of what really arrived
    size: int = Field(ge=1)  # bytes, of all files
    file: str = Field(min_length=1)  # its file or folder, beside the manifest; or, linked, an absolute path


class Store:
    """The folder of models."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return sorted(
            path.parent.name for path in self.folder.glob(f"*/{MANIFEST}") if NAME.fullmatch(path.parent.name)
        )

    def __contains__(self, name: str) -> bool:
        """Whether a model of that name is here."""
        return NAME.fullmatch(name) is not None and (self.folder / name / MANIFEST).is_file()

    def manifest(self, name: str) -> Manifest | None:
        """What is known of a model; None when it is not here. Raises `BadFile` when its manifest is damaged."""
        path = self.place(name) / MANIFEST
        try:
            with path.open("rb") as file:
                return Manifest(**json.loads(file.read(MAX_MANIFEST)))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError, RecursionError, ValidationError):
            hint = f"Remove it with `galerne models remove {name}` and pull it again."
            raise BadFile("is damaged.", where=str(path), hint=hint) from None

    def path(self, name: str, manifest: Manifest) -> Path:
        """The file or folder of weights. Raises `ModelNotFound` when a linked file has gone."""
        path = self.place(name) / manifest.file  # an absolute path stays what it is
        if not path.exists():
            hint = f"Put it back, or `galerne models remove {name}`."
            raise ModelNotFound("the model's file is gone.", where=str(path), hint=hint)
        return path

    def place(self, name: str) -> Path:
        """A model's folder, which may not exist. Raises `ModelNotFound` for what cannot be a name."""
        if not NAME.fullmatch(name):
            raise ModelNotFound("a model's name is made of a-z, 0-9, '.', '_' and '-'.", where=repr(name)[:100])
        return self.folder / name

    def partial(self, name: str) -> Path:
        """The folder that a pull works in; it outlives an interrupted one."""
        folder = self.folder / ".partial" / self.place(name).name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def keep(self, name: str, content: Path | None, manifest: Manifest) -> None:
        """Let a model appear: `content` (its file or folder; None when linked) and its manifest, in one rename."""
        place, ready = self.place(name), self.folder / ".ready" / name
        shutil.rmtree(ready, ignore_errors=True)
        ready.mkdir(parents=True)
        if content is not None:
            for part in (content, note_path(content)):
                if part.exists():
                    part.rename(ready / part.name)
        (ready / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if place.exists():
            self._discard(place)
        ready.rename(place)

    def remove(self, name: str) -> bool:
        """Delete a model and what an interrupted pull of it left; False when there was neither."""
        found = [path for path in (self.place(name), self.folder / ".partial" / name) if path.exists()]
        for path in found:
            self._discard(path)
        return bool(found)

    def _discard(self, path: Path) -> None:
        """Out of sight in one rename, then deleted: an interrupted deletion never leaves half a model."""
        trash = self.folder / ".trash" / path.name
        shutil.rmtree(trash, ignore_errors=True)
        trash.parent.mkdir(exist_ok=True)
        path.rename(trash)
        shutil.rmtree(trash)

    @contextmanager
    def lock(self, name: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Only one process at a time pulls, imports or removes a model; the others say so with `on_wait`, and wait."""
        lock = self.folder / ".locks" / f"{self.place(name).name}.lock"
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            held = FileLock(lock)
            try:
                held.acquire(blocking=False)
            except Timeout:
                on_wait()
                held.acquire()
        except OSError as error:
            raise SettingsError(f"cannot be written to: {error.strerror}.", where=f"models_dir {self.folder}") from None
        try:
            yield
        finally:
            held.release()
