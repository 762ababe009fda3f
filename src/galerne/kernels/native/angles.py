"""The cosines and sines that RoPE turns by, kept for every position that was asked for so far."""

from __future__ import annotations

import numpy as np

from galerne.kernels.interface import Rope

FIRST = 1024
"""Positions that the tables begin with."""


class Angles:
    """Two tables float32 [positions, rotated / 2], which grow by doubling."""

    def __init__(self, rope: Rope) -> None:
        self._frequencies = rope.frequencies.astype(np.float64)
        self._magnitude = rope.magnitude
        self.cosines = self.sines = np.zeros((0, len(self._frequencies)), np.float32)

    def reach(self, position: int) -> bool:
        """Have those of all positions up to this one. Whether the tables are new ones."""
        have = len(self.cosines)
        if position < have:
            return False
        more = np.arange(have, max(position + 1, 2 * have, FIRST))[:, None] * self._frequencies
        self.cosines, self.sines = (
            np.concatenate([table, (turn(more) * self._magnitude).astype(np.float32)])
            for table, turn in ((self.cosines, np.cos), (self.sines, np.sin))
        )
        return True
