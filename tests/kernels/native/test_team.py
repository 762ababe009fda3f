"""The team of threads: it may be larger than the machine, and nothing of a program is touched once it is through."""

from __future__ import annotations

import numpy as np
from tests.kernels.native.inputs import batch, weights
from tests.kernels.native.twin import run

from galerne.kernels.native import native_kernels


def test_more_threads_than_cpus_run_programs_that_come_and_go(kernels_folder):
    """What lay where a program counted its threads may be anything afterwards: who still looked would wait for ever."""
    table = weights(8, 64)
    kernels = native_kernels("auto", 6, kernels_folder)

    def build(kernels):
        packed = kernels.matrix([table])
        return lambda operations: operations.linear(operations.embed(packed), packed)

    step = batch((0, 3))
    expected = run(kernels, build, step)
    for turn in range(300):
        assert np.array_equal(run(kernels, build, step), expected)
        for size in (2, 3):  # of the memory that has just become free
            _reused = [np.full(size, turn % 4, np.int32) for _ in range(8)]
