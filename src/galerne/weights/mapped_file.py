"""A model's file in memory without being read: mapped, read-only."""

from __future__ import annotations

import mmap
import stat
from pathlib import Path

from galerne.errors import BadFile, ModelNotFound


def map_file(path: Path) -> memoryview[int]:
    """The bytes of a regular file. The map lives as long as a view of it does.

    Raises `ModelNotFound` when there is no such file, `BadFile` when it is empty, special (a pipe would hang whoever
    opens it) or unreadable.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadFile("is not a regular file.", where=str(path))
        if status.st_size == 0:
            raise BadFile("is empty.", where=str(path))
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        raise ModelNotFound("there is no such file.", where=str(path)) from None
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror}.", where=str(path)) from None


def forget(view: memoryview[int]) -> None:
    """Take the pages of a whole map out of this process's memory. Whoever reads them again gets them from the file."""
    assert isinstance(view.obj, mmap.mmap)
    view.obj.madvise(mmap.MADV_DONTNEED)
