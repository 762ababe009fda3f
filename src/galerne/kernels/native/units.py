"""Attention's work list for one step: which tiles of queries look at which part of the cache."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.batch import Batch
from galerne.kernels.native.attention import CHUNK, MERGE, TILE_ROWS, UNIT
from galerne.kernels.native.record import Record

SPLIT_ROWS = 16
"""Rows of a unit whose cache is worth splitting among the threads."""

SLOTS = 256
"""Partial results that there is room for; without room a unit goes through its cache alone."""


def plan_units(batch: Batch, group: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(units, merges) as attention.UNIT and attention.MERGE say. `group`: heads that share a key/value head."""
    units: list[tuple[int, ...]] = []
    merges: list[tuple[int, ...]] = []
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
    return _lines(UNIT, units), _lines(MERGE, merges)


def with_rows(units: NDArray[np.int64], rows: NDArray[np.int32]) -> NDArray[np.int64]:
    """The units that have some of these rows, which ascend."""
    first = units[:, UNIT.index("row")]
    before, behind = np.searchsorted(rows, first), np.searchsorted(rows, first + units[:, UNIT.index("queries")])
    return units[behind > before]


def _lines(record: Record, lines: list[tuple[int, ...]]) -> NDArray[np.int64]:
    return np.array(lines, np.int64).reshape(-1, len(record.fields))
