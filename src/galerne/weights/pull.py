"""Bringing a model here: fetched, checked, and then there in one rename."""

from __future__ import annotations

import shutil
from pathlib import Path

from galerne.errors import BadFile, DigestMismatch
from galerne.weights import digest, open_checkpoint
from galerne.weights.catalogue import Entry
from galerne.weights.sources import Progress, parse_source
from galerne.weights.sources.source import disk_errors
from galerne.weights.store import Manifest, Store


def pull(entry: Entry, store: Store, progress: Progress) -> Manifest:
    """Fetch a model from its source unless it is here already. Safe to run twice at once: the second waits.

    Interrupted at any moment, it leaves no model, but what has arrived; the next pull goes on from that. Raises
    `PullError`, `DigestMismatch`, `DiskFull`, `BadFile`, `SettingsError`.
    """
    with store.lock(entry.name):
        here = store.manifest(entry.name)
        if here is not None:
            return here
        work = store.partial(entry.name)
        with disk_errors(work):
            content = parse_source(entry.source).fetch(work, progress)
            progress("checking", 0, None)
            try:
                manifest = describe(content, entry.source)
                _check_digest(entry, manifest)
            except (BadFile, DigestMismatch):
                shutil.rmtree(work)
                raise
            store.keep(entry.name, content, manifest)
            shutil.rmtree(work, ignore_errors=True)
        return manifest


def _check_digest(entry: Entry, manifest: Manifest) -> None:
    if entry.sha256 is not None and manifest.sha256 != entry.sha256:
        raise DigestMismatch(
            f"what arrived has the SHA-256 {manifest.sha256}, the catalogue promises {entry.sha256}.",
            where=entry.name,
            hint="It was deleted. Pull again; if it stays so, the source has changed or is not to be trusted.",
        )


def link(name: str, path: Path, store: Store) -> Manifest:
    """Know a model under a name and leave it where it lies. Raises `BadFile`, `ModelNotFound`, `SettingsError`."""
    with store.lock(name), disk_errors(store.folder):
        manifest = describe(path, f"file:{path}").model_copy(update={"file": str(path.resolve())})
        store.keep(name, None, manifest)
    return manifest


def describe(content: Path, source: str) -> Manifest:
    """Open a file or folder, so that what cannot be a model never becomes one, and say what it is."""
    checkpoint = open_checkpoint(content)
    size = sum(file.stat().st_size for file in checkpoint.files)
    return Manifest(source=source, sha256=digest(checkpoint), size=size, file=content.name)
