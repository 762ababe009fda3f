"""Machine code on disk: what was compiled once is read the next time.

A file begins with the SHA-256 of the rest, so a damaged one is made again instead of run. It is written under another
name and moved into place. Processes that start together compile once: the others wait for the first.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock

DIGEST = hashlib.sha256().digest_size


def cached_object(path: Path, compile_: Callable[[], bytes]) -> bytes:
    """What `path` holds; if it holds nothing sound, what `compile_` gives, kept there for the next time.

    A folder that cannot be written costs only time.
    """
    image = _read(path)
    if image is None:
        with _alone(path):
            image = _read(path)  # by now another process may have made it
            if image is None:
                image = compile_()
                _write(path, image)
    return image


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, image = content[:DIGEST], content[DIGEST:]
    return image if image and hashlib.sha256(image).digest() == digest else None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time, where the folder lets itself be locked."""
    with ExitStack() as held:
        with suppress(OSError, NotImplementedError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            held.enter_context(FileLock(path.with_suffix(".lock")))
        yield


def _write(path: Path, image: bytes) -> None:
    with suppress(OSError):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(image).digest() + image)
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)  # not there any longer, if all went well
