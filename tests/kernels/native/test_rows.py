"""Embedding and picking rows: the very bits that the reference has."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kernels.native.inputs import RANDOM, any_weights, batch, weights
from tests.kernels.native.nibbles import KINDS as NIBBLES
from tests.kernels.native.twin import EXACT, Twin, rounding, run

from galerne.kernels.interface import CacheShape
from galerne.kernels.reference import ReferenceKernels

OTHERS = ("F32", "F16", "BF16", "Q6_K", "Q3_K", "IQ4_NL", "MXFP4")


def embedding(table):
    def build(kernels):
        packed = kernels.matrix([table])
        return lambda ops: ops.embed(packed)

    return build


@pytest.mark.parametrize("kind", [*EXACT, *OTHERS])
def test_embedding_gives_what_is_stored(kind, kernels):
    for rows, width in ((1, 256), (50, 768)):
        for table in (weights(rows, width, kind), any_weights(rows, width, kind)):
            tokens = RANDOM.integers(0, rows, 37)
            step = batch((0, 37), tokens=tokens)
            expected = run(Twin(rounding(kernels.level)), embedding(table), step)
            actual, given = run(kernels, embedding(table), step), run(ReferenceKernels(), embedding(table), step)
            largest = np.abs(given).max()
            if kind in NIBBLES:  # units times scales, and sums of two products, are rounded
                assert np.abs(actual - expected).max() <= largest * 2.0**-21
                assert np.abs(actual - given).max() <= largest * 2.0**-12
            else:
                assert np.array_equal(actual, expected)
                assert kind not in EXACT or np.array_equal(actual, given)


@pytest.mark.parametrize("width", [1, 7, 33, 100])
def test_rows_of_any_width(width, kernels):
    table, step = weights(20, width), batch((0, 20))
    assert np.array_equal(
        run(kernels, embedding(table), step), run(Twin(rounding(kernels.level)), embedding(table), step)
    )


def test_states_outlive_what_follows(kernels):
    """The rows of the last layer, for whoever wants vectors instead of logits."""
    table = weights(40, 96, "Q8_0")

    def forward(ops, packed=kernels.matrix([table])):
        x = ops.states(ops.outputs(ops.embed(packed)))
        for _ in range(3):
            x = ops.linear(ops.swiglu(ops.linear(x, packed)), kernels.matrix([weights(96, 20)]))
        return x

    program = kernels.program(forward, CacheShape(1, 4, 1, 32), max_rows=40)
    for wanted in ([2, 39], range(40), [7]):  # more rows than before, and fewer
        program(batch((0, 40), outputs=wanted))
        assert np.array_equal(program.states(), table.float32()[list(wanted)])


@pytest.mark.parametrize("wanted", [[], [0], [39], [0, 1, 38], range(3, 40)], ids=len)
def test_outputs_are_the_wanted_rows(wanted, kernels):
    table = weights(40, 100, "F16")

    def build(kernels):
        packed = kernels.matrix([table])
        return lambda ops: ops.outputs(ops.embed(packed))

    step = batch((0, 40), outputs=wanted)
    result = run(kernels, build, step)
    assert result.shape == (len(wanted), 100)
    assert np.array_equal(result, run(Twin(rounding(kernels.level)), build, step))
