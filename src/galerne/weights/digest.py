"""The SHA-256 that a model is known by, in catalogues, receipts and replays.

Of a file: its own. Of a folder: that of the lines `digest  name` of the files that `Checkpoint.files` lists, as
`sha256sum` prints them, so that anyone can check it without Galerne.

Hashing gigabytes takes minutes, so a file's digest is kept in a small file beside it and believed for as long as size,
time of change and inode stay what they were.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from galerne.errors import BadFile
from galerne.weights.checkpoint import Checkpoint
from galerne.weights.safetensors import open_folder

CHUNK = 1 << 20
DIGEST = re.compile("[0-9a-f]{64}")


def digest(model: Checkpoint | Path, progress: Callable[[int], None] = lambda _: None) -> str:
    """The digest, 64 hexadecimal digits, of a checkpoint, or of the file or folder at a path.

    `progress` is told of the bytes that were read, each time. Raises `BadFile`.
    """
    if isinstance(model, Path):
        if not model.is_dir():
            return _file_digest(model, progress)
        model = open_folder(model)
    if model.format == "gguf":
        return _file_digest(model.path, progress)
    lines = "".join(f"{_file_digest(file, progress)}  {file.name}\n" for file in model.files)
    return hashlib.sha256(lines.encode()).hexdigest()


def note_path(path: Path) -> Path:
    """Where the digest of a file is kept."""
    return path.with_name(f".{path.name}.sha256")


def _file_digest(path: Path, progress: Callable[[int], None]) -> str:
    try:
        noted = _noted(path)
        if noted is not None:
            return noted
        total = hashlib.sha256()
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            while chunk := file.read(CHUNK):
                total.update(chunk)
                progress(len(chunk))
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror}.", where=str(path)) from None
    if _stamp(before) == _stamp(path.stat()):
        _note(path, total.hexdigest())
    return total.hexdigest()


def _note(path: Path, value: str) -> None:
    """Keep a file's digest beside it, where that is allowed: a folder may be read-only."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        partial.write_text(f"{_stamp(path.stat())} {value}\n", encoding="ascii")
        partial.replace(note_path(path))
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()


def _noted(path: Path) -> str | None:
    try:
        stamp, _, value = note_path(path).read_text(encoding="ascii").strip().rpartition(" ")
    except (OSError, UnicodeDecodeError):
        return None
    return value if stamp == _stamp(path.stat()) and DIGEST.fullmatch(value) else None


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"
