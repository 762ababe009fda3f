"""The port `Source`, and what its implementations share."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from galerne.errors import DiskFull, PullError

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how many bytes of it are done, and of how many (None: not known)."""

CHUNK = 1 << 20
FULL = (errno.ENOSPC, errno.EDQUOT)


class Source(Protocol):
    """A place that weights can be fetched from."""

    def fetch(self, work: Path, progress: Progress) -> Path:
        """Bring a file or folder into the folder `work`, going on from what an interrupted fetch left there.

        Raises `PullError`, `DigestMismatch`, `DiskFull`.
        """


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says of a file into `DiskFull` or `PullError`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                "the disk is full.", where=str(path), hint="Free some space and pull again: it goes on from here."
            ) from None
        raise PullError(f"{error.strerror or error}.", where=str(error.filename or path)) from None


def need_space(folder: Path, needed: int) -> None:
    """Raise `DiskFull` before the work begins rather than at its end."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFull(
            f"{needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free.",
            where=str(folder),
            hint="Free some space, or choose another folder with GALERNE_MODELS_DIR.",
        )
