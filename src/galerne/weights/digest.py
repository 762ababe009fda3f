"""The SHA-256 that a model is known by, in catalogues, receipts and replays.

Of a file: its own. Of a folder: that of the lines `digest  name` of the files that `Checkpoint.files` lists, as
`sha256sum` prints them, so that anyone can check it without Galerne.

Hashing gigabytes takes minutes, so a file's digest is kept in a small file beside it and believed for as long as size,
time of change and inode stay what they were.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from galerne.errors import BadFile
from galerne.weights.checkpoint import Checkpoint

CHUNK = 1 << 20


def digest(model: Checkpoint | Path) -> str:
    """The digest, 64 hexadecimal digits, of a checkpoint or of one file."""
    if isinstance(model, Path):
        return file_digest(model)
    if model.format == "gguf":
        return file_digest(model.files[0])
    lines = "".join(f"{file_digest(file)}  {file.name}\n" for file in model.files)
    return hashlib.sha256(lines.encode()).hexdigest()


def file_digest(path: Path, progress: Callable[[int], None] | None = None) -> str:
    """The digest of one file, from the note beside it or by reading it; `progress` is told of the bytes read."""
    try:
        noted = _noted(path)
        if noted is not None:
            return noted
        total = hashlib.sha256()
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            while chunk := file.read(CHUNK):
                total.update(chunk)
                if progress is not None:
                    progress(len(chunk))
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror}.", where=str(path)) from None
    if _stamp(before) == _stamp(path.stat()):
        note(path, total.hexdigest())
    return total.hexdigest()


def note(path: Path, value: str) -> None:
    """Keep a file's digest beside it, where that is allowed: a folder may be read-only."""
    text = json.dumps(_stamp(path.stat()) | {"sha256": value})
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        partial.write_text(text, encoding="utf-8")
        partial.replace(note_path(path))


def _noted(path: Path) -> str | None:
    try:
        kept = json.loads(note_path(path).read_text(encoding="utf-8"))
        value = kept.pop("sha256")
    except (OSError, ValueError, AttributeError, KeyError):
        return None
    return value if kept == _stamp(path.stat()) and isinstance(value, str) else None


def _stamp(status: os.stat_result) -> dict[str, object]:
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}


def note_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")
