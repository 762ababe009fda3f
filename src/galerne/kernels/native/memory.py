"""Memory for numbers that compiled code reads."""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from galerne.errors import MemoryFull

LINE = 64
BEYOND = LINE
"""Kernels may read one vector beyond the end."""

PAGE = 2 << 20
CHUNK = 64 << 20


def aligned(count: int, dtype: Any = np.uint8) -> NDArray[Any]:
    """Memory for `count` numbers, zeroed, that starts on a cache line."""
    size = count * np.dtype(dtype).itemsize
    raw = np.zeros(size + LINE + BEYOND, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size].view(dtype)


class WeightMemory:
    """The same, one after the other in chunks of large pages. A chunk is freed with the last that is in it.

    A token reads all weights from one end to the other. That takes a third less time where the CPU need not look up a
    page every 4 KiB, and begin to read ahead anew.
    """

    def __init__(self) -> None:
        self._chunk = np.zeros(0, np.uint8)
        self._used = 0

    def aligned(self, count: int, dtype: Any = np.uint8) -> NDArray[Any]:
        size = count * np.dtype(dtype).itemsize
        if size + BEYOND > self._chunk.size - self._used:
            self._chunk, self._used = _large_pages(max(CHUNK, size + BEYOND)), 0
        start = self._used
        self._used += -(-size // LINE) * LINE
        return self._chunk[start : start + size].view(dtype)


def large(count: int, dtype: Any = np.uint8) -> NDArray[Any]:
    """The same in large pages of its own. Raises `MemoryFull`."""
    size = count * np.dtype(dtype).itemsize
    return _large_pages(size + BEYOND)[:size].view(dtype)


def _large_pages(size: int) -> NDArray[np.uint8]:
    """Zeroed memory that starts on a large page, made of these where the system has them."""
    mapping = _private_pages(size + PAGE)
    whole = np.frombuffer(mapping, np.uint8)
    start = -whole.ctypes.data % PAGE
    return whole[start : start + size]


def _private_pages(size: int) -> mmap.mmap:
    """Raises `MemoryFull`."""
    try:
        if not hasattr(mmap, "MADV_HUGEPAGE"):
            return mmap.mmap(-1, size)
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # shared ones are never large
    except OSError as error:
        hint = "Use a smaller model, or less memory for keys and values (kv_cache_mb)."
        raise MemoryFull(f"{size >> 20} MiB of memory cannot be had: {error.strerror}.", hint=hint) from None
    with suppress(OSError):  # a system that was built without them
        pages.madvise(mmap.MADV_HUGEPAGE)
    return pages
