"""Attention's work list: every query sees every position before it exactly once, whatever the batch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galerne.kernels.batch import BLOCK, Batch
from galerne.kernels.native.attention import CHUNK, MERGE, TILE_ROWS, UNIT
from galerne.kernels.native.units import SLOTS, SPLIT_ROWS, WorkList, plan_units, with_rows

SEQUENCES = st.lists(
    st.tuples(st.integers(1, 70), st.one_of(st.just(0), st.integers(0, 100), st.integers(0, 5000))), min_size=1
)


def batch_of(sequences) -> Batch:
    counts = [count for count, _ in sequences]
    lengths = [count + past for count, past in sequences]
    return Batch(
        tokens=np.zeros(sum(counts), np.int32),
        positions=np.concatenate([np.arange(past, past + count) for count, past in sequences]).astype(np.int32),
        starts=np.cumsum([0, *counts]).astype(np.int32),
        lengths=np.array(lengths, np.int32),
        blocks=np.zeros((len(counts), -(-max(lengths) // BLOCK)), np.int32),
        outputs=np.arange(sum(counts), dtype=np.int32),
    )


def records(kind, lines):
    return [dict(zip(kind.fields, line, strict=True)) for line in lines]


@given(SEQUENCES, st.sampled_from([1, 3, 4, 8, 16, 50]))
def test_every_query_sees_all_of_its_past_once(sequences, group):
    batch = batch_of(sequences)
    units, merges = (records(kind, lines) for kind, lines in zip((UNIT, MERGE), plan_units(batch, group), strict=True))
    chunks_of: Counter[int] = Counter()
    for unit in units:
        sequence, rows = unit["sequence"], range(unit["row"], unit["row"] + unit["queries"])
        assert batch.starts[sequence] <= rows.start < rows.stop <= batch.starts[sequence + 1]
        assert unit["position"] == batch.positions[rows.start]
        assert unit["start"] % CHUNK == 0
        assert unit["queries"] * group <= max(TILE_ROWS, group)
        whole = unit["slot"] < 0
        stop = min(unit["stop"], batch.positions[rows.stop - 1] + 1)
        for row in rows:
            chunks_of[row] += 1
            assert not whole or (unit["start"], stop) == (0, batch.positions[rows.stop - 1] + 1)
    split = {row: merge for merge in merges for row in range(merge["row"], merge["row"] + merge["queries"])}
    for row, count in chunks_of.items():
        assert count == (split[row]["chunks"] if row in split else 1)
    assert set(chunks_of) == set(range(len(batch.tokens)))
    assert_merges_are_made_of_units(units, merges, group)


def assert_merges_are_made_of_units(units, merges, group) -> None:
    slots = sorted(unit["slot"] for unit in units if unit["slot"] >= 0)
    assert slots == list(range(len(slots)))
    assert len(slots) <= SLOTS
    parts = {unit["slot"]: unit for unit in units}
    for merge in merges:
        assert merge["queries"] * group <= max(SPLIT_ROWS, group)
        for chunk in range(merge["chunks"]):
            part = parts[merge["slot"] + chunk]
            assert (part["row"], part["queries"]) == (merge["row"], merge["queries"])
            assert (part["start"], part["stop"]) == (chunk * CHUNK, (chunk + 1) * CHUNK)
    assert sum(merge["chunks"] for merge in merges) == len(slots)


def test_the_longest_work_comes_first():
    units, _ = plan_units(batch_of([(1, 3), (1, 300), (40, 20), (1, 90)]), 1)
    work = [unit["stop"] - unit["start"] for unit in records(UNIT, units)]
    assert work == sorted(work, reverse=True)


@given(SEQUENCES, st.data())
def test_units_with_some_rows(sequences, data):
    batch = batch_of(sequences)
    rows = sorted(data.draw(st.sets(st.sampled_from(range(len(batch.tokens))))))
    units, _ = plan_units(batch, 3)

    def has_some(unit):
        return any(unit["row"] <= row < unit["row"] + unit["queries"] for row in rows)

    assert records(UNIT, with_rows(units, rows)) == [unit for unit in records(UNIT, units) if has_some(unit)]


def test_a_work_list_has_its_lines_one_after_the_other():
    work = WorkList(MERGE, most=3)
    for lines in ([(1, 2, 3, 4), (5, 6, 7, 8), (2**40, -1, 0, 9)], [(9, 8, 7, 6)], []):
        work.write(lines)
        assert work.lines[: len(lines)].tolist() == [list(line) for line in lines]
        assert work.lines.ctypes.data == work.address


def test_a_work_list_writes_nothing_behind_its_end():
    with pytest.raises(ValueError):
        WorkList(MERGE, most=1).write([(1, 2, 3, 4)] * 2)


@given(SEQUENCES, st.sampled_from([1, 3, 16]))
def test_as_many_units_as_there_is_room_for(sequences, group):
    """Each is of some rows that no other has, or has a slot."""
    batch = batch_of(sequences)
    units, merges = plan_units(batch, group)
    assert len(merges) <= len(units) <= len(batch.tokens) + SLOTS
