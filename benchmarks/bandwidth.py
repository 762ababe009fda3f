"""How fast this machine's memory can be read: the limit of decoding."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

SIZE = 1 << 30


class Bandwidth:
    """A large array, read by as many threads as the model uses."""

    def __init__(self, threads: int) -> None:
        self._parts = np.array_split(np.ones(SIZE // 4, np.float32), threads)
        self._pool = ThreadPoolExecutor(threads)

    def measure(self) -> float:
        """Bytes per second of a plain read, the faster of two that take a few instructions for a cache line."""
        return SIZE / min(self._seconds(np.max), self._seconds(lambda part: np.dot(part, part)))

    def _seconds(self, read: object) -> float:
        began = time.perf_counter()
        list(self._pool.map(read, self._parts))  # type: ignore[arg-type]
        return time.perf_counter() - began
