"""The contents of files, in a folder: each under an id, never under a name that a client chose.

Fills the port `ContentStore`. Several nodes share the folder.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from galerne.errors import DiskFull, NotFound, SettingsError

HEAD = 1 << 16
"""Bytes of a content's beginning that are remembered."""


class ContentFolder:
    def __init__(self, folder: Path, *, reserve: int, upload_seconds: float) -> None:
        """`reserve` bytes of the disk stay free; an upload takes `upload_seconds` at most. Raises `SettingsError`."""
        self._folder = folder
        self._reserve = reserve
        self._upload_seconds = upload_seconds
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError(f"{folder} cannot be made: {error.strerror}.", where="data_dir") from None

    def create(self, id: str) -> OpenFile:
        return OpenFile(self._folder / id, self._reserve)

    def path(self, id: str) -> Path:
        path = self._folder / id
        if not path.is_file():
            raise NotFound("its content is gone from the disk.", where=id)
        return path

    @contextmanager
    def hold(self, id: str) -> Iterator[BinaryIO | None]:
        with self.path(id).open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield file

    def remove(self, id: str) -> None:
        (self._folder / id).unlink(missing_ok=True)

    def abandoned(self) -> Sequence[str]:
        latest = time.time() - self._upload_seconds - 60
        ids = []
        for entry in os.scandir(self._folder):
            with suppress(FileNotFoundError):  # removed meanwhile
                if entry.stat().st_mtime < latest:
                    ids.append(entry.name)
        return ids


class OpenFile:
    """Fills the port `OpenContent`."""

    def __init__(self, path: Path, reserve: int) -> None:
        self.id = path.name
        self.size = 0
        self.head = b""
        self._path = path
        self._reserve = reserve
        self._digest = hashlib.sha256()
        self._breaks = 0
        self._last = b"\n"
        with _disk_errors():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def lines(self) -> int:
        return self._breaks + (self._last != b"\n")

    def write(self, data: bytes) -> None:
        if not data:
            return
        with _disk_errors():
            if shutil.disk_usage(self._path.parent).free - len(data) < self._reserve:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._file.write(data)
        self._digest.update(data)
        self._breaks += data.count(b"\n")
        self._last = data[-1:]
        self.head += data[: HEAD - len(self.head)]
        self.size += len(data)

    def keep(self) -> None:
        with _disk_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            _sync_folder(self._path.parent)

    def discard(self) -> None:
        self._path.unlink(missing_ok=True)
        with suppress(OSError):  # what could not be written need not be
            self._file.close()


def _sync_folder(folder: Path) -> None:
    """Let the folder itself, too, know of the file after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull("there is no room for it.", hint="Ask whoever runs this server for more.") from None
