"""The matrix product: every form, tiles of all heights, panels, bias and residual."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kernels.native.inputs import batch, floats, weights
from tests.kernels.native.twin import EXACT, Twin, rounding, run

from galerne.kernels.interface import Kernels, Operations, Value

ROWS = (1, 2, 3, 5, 6, 7, 8, 15, 16, 17, 33, 64, 70)
SHAPES = ((16, 32), (40, 96), (200, 288))  # outputs, inputs
OTHERS = ("F32", "F16", "BF16", "Q6_K", "Q2_K", "IQ4_XS")


def assert_near(actual, expected, tolerance):
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


def linear(outputs, inputs, kind, *, with_bias=False, with_residual=False):
    """`run`'s build: the rows of a table, multiplied."""
    table, matrix = weights(max(ROWS), inputs), weights(outputs, inputs, kind)
    residual_table = weights(max(ROWS), outputs)
    bias = floats(outputs) if with_bias else None

    def build(kernels: Kernels):
        embedded, residual, packed = (kernels.matrix([x]) for x in (table, residual_table, matrix))

        def forward(ops: Operations) -> Value:
            add = ops.embed(residual) if with_residual else None
            return ops.linear(ops.embed(embedded), packed, bias=bias, add=add)

        return forward

    return build


@pytest.mark.parametrize("kind", [*EXACT, *OTHERS])
def test_every_type_of_weights(kind, kernels):
    for outputs, inputs in ((40, 256), (200, 512)) if kind not in ("F32", "Q4_0", "Q4_1", "Q8_0") else SHAPES:
        build = linear(outputs, inputs, kind)
        for rows in (1, 3, 7, 16, 33):
            step = batch((0, rows))
            assert_near(run(kernels, build, step), run(Twin(rounding(kernels.level)), build, step), 1e-5)


@pytest.mark.parametrize("rows", ROWS)
def test_any_number_of_rows(rows, kernels):
    for kind in ("Q4_0", "Q4_1", "Q8_0", "Q5_1"):
        build = linear(72, 96, kind, with_bias=True, with_residual=True)
        step = batch((0, rows))
        assert_near(run(kernels, build, step), run(Twin(rounding(kernels.level)), build, step), 1e-5)
