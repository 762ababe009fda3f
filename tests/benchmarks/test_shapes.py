"""Decoding beside a plain read of the memory."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.bandwidth import PlainRead
from benchmarks.shapes import compare


def test_a_step_is_compared_with_the_reads_around_it_and_the_slowest_comes_first():
    steps = compare(3_000_000_000, [0.1, 0.06], [29e9, 31e9, 33e9])
    assert [step.speed for step in steps] == pytest.approx([30e9, 50e9])
    assert [step.plain for step in steps] == pytest.approx([30e9, 32e9])
    assert [step.share for step in steps] == pytest.approx([1, 50 / 32])


def test_a_step_during_which_the_memory_changed_its_speed_does_not_count_unless_there_is_no_other():
    changing = [30e9, 60e9, 60e9]
    assert [step.plain for step in compare(1, [1, 1], changing)] == [60e9]
    assert [step.plain for step in compare(1, [1], changing[:2])] == [45e9]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_plain_read_reads_all_of_its_memory(threads):
    plain = PlainRead(threads, 10_000)
    plain.memory[:] = np.random.default_rng(threads).integers(0, 256, plain.memory.size)
    assert plain.speed() > 0
    assert 10_000 - 64 * threads < plain.memory.size <= 10_000
    expected = np.bitwise_xor.reduce(plain.memory.reshape(threads, -1, 64), axis=1)
    assert np.array_equal(plain.found.reshape(threads, 64), expected)
