"""The cosines and sines that RoPE turns by, kept for every position that was asked for so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.interface import Rope, Vector

FIRST = 1024
"""Positions that the tables begin with."""


class Angles:
    """Two tables float32 [positions, rotated / 2]. They grow by doubling: a longer text than ever is rare, and a cosine
    costs more than it costs to copy it."""

    def __init__(self, rope: Rope) -> None:
        self._frequencies = rope.frequencies.astype(np.float64)
        self._magnitude = rope.magnitude
        self._cosines = self._sines = np.zeros((0, len(self._frequencies)), np.float32)

    def write(self, positions: NDArray[np.int32], cosines: Vector, sines: Vector) -> None:
        """Put those of a batch into its arrays [rows, rotated / 2]. No position is negative."""
        self._reach(max(positions.tolist()) + 1)
        self._cosines.take(positions, axis=0, out=cosines, mode="clip")  # nothing is clipped, and nothing buffered
        self._sines.take(positions, axis=0, out=sines, mode="clip")

    def _reach(self, positions: int) -> None:
        have = len(self._cosines)
        if positions > have:
            more = np.arange(have, max(positions, 2 * have, FIRST))[:, None] * self._frequencies
            self._cosines, self._sines = (
                np.concatenate([table, (turn(more) * self._magnitude).astype(np.float32)])
                for table, turn in ((self._cosines, np.cos), (self._sines, np.sin))
            )
