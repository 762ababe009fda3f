"""Attention's work list for one step: which tiles of queries look at which part of the cache."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.batch import Batch
from galerne.kernels.native.attention import CHUNK, TILE_ROWS
from galerne.kernels.native.memory import aligned
from galerne.kernels.native.record import Record

SPLIT_ROWS = 16
"""Rows of a unit whose cache is worth splitting among the threads."""

SLOTS = 256
"""Partial results that there is room for; without room a unit goes through its cache alone."""

Line = tuple[int, ...]
"""The fields of a record, in order."""


def plan_units(batch: Batch, group: int) -> tuple[list[Line], list[Line]]:
    """(units, merges) as attention.UNIT and attention.MERGE say. `group`: heads that share a key/value head."""
    units: list[Line] = []
    merges: list[Line] = []
    slots = 0
    tile = max(1, TILE_ROWS // group)
    starts, lengths = batch.starts.tolist(), batch.lengths.tolist()
    for sequence, length in enumerate(lengths):
        row, end = starts[sequence], starts[sequence + 1]
        position = length - (end - row)
        chunks = -(-length // CHUNK)
        if chunks > 1 and (end - row) * group <= max(SPLIT_ROWS, group) and slots + chunks <= SLOTS:
            units += [
                (sequence, row, end - row, position, chunk * CHUNK, (chunk + 1) * CHUNK, slots + chunk)
                for chunk in range(chunks)
            ]
            merges.append((row, end - row, slots, chunks))
            slots += chunks
            continue
        while row < end:
            queries = min(tile, end - row)
            units.append((sequence, row, queries, position, 0, position + queries, -1))
            row, position = row + queries, position + queries
    units.sort(key=lambda unit: unit[4] - unit[5])  # the longest first: they should not be what all wait for
    return units, merges


def with_rows(units: Sequence[Line], rows: Sequence[int]) -> list[Line]:
    """The units that have some of these rows, which ascend."""
    return [unit for unit in units if bisect_left(rows, unit[1]) < bisect_left(rows, unit[1] + unit[2])]


class WorkList:
    """Room for at most `most` lines of a record, at an address that stays."""

    def __init__(self, record: Record, most: int) -> None:
        fields = len(record.fields)
        self.lines: NDArray[np.int64] = aligned(most * fields, np.int64).reshape(most, fields)
        self.address = int(self.lines.ctypes.data)

    def write(self, lines: Sequence[Line]) -> None:
        """Raises `ValueError` where there is no room."""
        if lines:
            self.lines[: len(lines)] = lines
