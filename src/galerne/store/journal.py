"""How far each answer under way is, for whoever comes after this process: tokens are counted here before they leave.

A file of counters in shared memory: what was counted is in it whatever ends the process, without a write to the disk
for each token. Only the loss of the whole machine loses it. A lock on the file says that its process lives.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np

from galerne.errors import SettingsError

SLOTS = 65_536
"""Answers that one process can have under way."""

SUFFIX = ".journal"


class Journal:
    """The counters of this process. Close it when all answers are on record."""

    def __init__(self, folder: Path) -> None:
        """Raises `SettingsError` when the folder cannot be written."""
        self.name = f"{uuid4().hex}{SUFFIX}"
        self._path = folder / self.name
        draft = self._path.with_suffix(".new")
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.posix_fallocate(self._file, 0, SLOTS * 8)
            draft.rename(self._path)  # it has its name once it is locked: nobody takes it for one that was left
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise SettingsError(f"{folder} cannot be written: {error.strerror}.", where="data_dir") from None
        self._memory = mmap.mmap(self._file, SLOTS * 8)
        self._counts = memoryview(self._memory).cast("q")
        self._free = list(range(SLOTS - 1, -1, -1))

    def take(self) -> int:
        """A counter, at 0."""
        slot = self._free.pop()
        self._counts[slot] = 0
        return slot

    def count(self, slot: int, tokens: int = 1) -> None:
        self._counts[slot] += tokens

    def give_back(self, slot: int) -> None:
        self._free.append(slot)

    def close(self) -> None:
        """The file goes, as nothing in it is needed any longer."""
        self._counts.release()
        self._memory.close()
        remove_journal(self._path.parent, self.name)
        os.close(self._file)


def left_journals(folder: Path) -> dict[str, list[int]]:
    """The counters of processes that ended without closing their journal, by its name."""
    left = {}
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:  # it is gone, or its process lives
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            left[path.name] = np.frombuffer(file.read(), np.int64).tolist()
    return left


def remove_journal(folder: Path, name: str) -> None:
    """One that the disk does not let go is found again by whoever looks next: no answer is open in it any longer."""
    with suppress(OSError):
        (folder / name).unlink()
