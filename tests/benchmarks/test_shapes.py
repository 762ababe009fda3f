"""Decoding beside a plain read of the memory."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.bandwidth import PlainRead
from benchmarks.shapes import shares


def test_a_step_is_compared_with_the_reads_around_it():
    slow_then_fast = [30e9, 30e9, 60e9, 60e9]
    assert shares(3_000_000_000, [0.1, 0.1, 0.05], slow_then_fast) == pytest.approx([1, 2 / 3, 1])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_plain_read_reads_all_of_its_memory(threads):
    plain = PlainRead(threads, 10_000)
    plain.memory[:] = np.random.default_rng(threads).integers(0, 256, plain.memory.size)
    assert plain.speed() > 0
    assert 10_000 - 64 * threads < plain.memory.size <= 10_000
    expected = np.bitwise_xor.reduce(plain.memory.reshape(threads, -1, 64), axis=1)
    assert np.array_equal(plain.found.reshape(threads, 64), expected)
