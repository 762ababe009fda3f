"""Bringing a model here: fetched, checked, and then there in one rename."""

from __future__ import annotations

import os
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
    # Before the lock too: what is here already needs no folder that can be written.
    if (here := _here(entry, store)) is not None:
        return here
    with store.lock(entry.name, lambda: progress("waiting for another pull of it", 0, None)):
        if (here := _here(entry, store)) is not None:
            return here
        work = store.partial(entry.name)
        with disk_errors(work):
            content = parse_source(entry.source).fetch(work, progress)
            try:
                manifest = _checked(entry, content, progress)
            except (BadFile, DigestMismatch):
                shutil.rmtree(work)
                raise
            store.keep(entry.name, content, manifest)
            shutil.rmtree(work)
        return manifest


def link(entry: Entry, path: Path, store: Store, progress: Progress) -> Manifest:
    """Know a model under a name and leave it where it lies.

    Raises `BadFile`, `ModelNotFound`, `DigestMismatch`, `SettingsError`.
    """
    with store.lock(entry.name), disk_errors(store.folder):
        manifest = _checked(entry, path, progress).model_copy(update={"file": os.path.abspath(path)})
        store.keep(entry.name, None, manifest)
    return manifest


def _here(entry: Entry, store: Store) -> Manifest | None:
    here = store.manifest(entry.name)
    return here if here is not None and entry.sha256 in (None, here.sha256) else None


def _checked(entry: Entry, content: Path, progress: Progress) -> Manifest:
    """Open what arrived, so that what cannot be a model never becomes one, and compare its digest."""
    checkpoint = open_checkpoint(content)
    size, done = checkpoint.size, 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        progress("checking", done, size)

    sha256 = digest(checkpoint, tell)
    if entry.sha256 not in (None, sha256):
        raise DigestMismatch(
            f"what arrived has the SHA-256 {sha256}, the catalogue promises {entry.sha256}.",
            where=entry.name,
            hint="It was not kept. Try again; if it stays so, the source has changed or is not to be trusted.",
        )
    return Manifest(entry=entry, sha256=sha256, size=size, file=content.name)
