"""What is computed on the way to a product: norms and SwiGLU."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kernels.native.comparison import assert_near, assert_rounded_alike
from tests.kernels.native.inputs import batch, floats, stored, weights
from tests.kernels.native.twin import Twin, rounding, run

from galerne.kernels.reference import ReferenceKernels

ROWS = (1, 2, 3, 9, 40)
WIDTHS = (32, 40, 96, 577)


def normed(table, weight, epsilon, matrix):
    def build(kernels):
        packed, second = kernels.matrix([table]), kernels.matrix([matrix])
        return lambda ops: ops.linear(ops.rms_norm(ops.embed(packed), weight, epsilon), second)

    return build


def gated(table, matrix):
    def build(kernels):
        packed, second = kernels.matrix([table]), kernels.matrix([matrix])
        return lambda ops: ops.linear(ops.swiglu(ops.embed(packed)), second)

    return build


@pytest.mark.parametrize("width", WIDTHS)
def test_a_norm_before_a_product(width, kernels):
    for rows in ROWS:
        build = normed(weights(rows, width), floats(width), 1e-5, weights(70, width, "F16"))
        step = batch((0, rows))
        actual = run(kernels, build, step)
        assert_rounded_alike(actual, run(Twin(rounding(kernels.level)), build, step))
        assert_near(actual, run(ReferenceKernels(), build, step), 0.05)


@pytest.mark.parametrize("width", WIDTHS)
def test_swiglu_before_a_product(width, kernels):
    for rows in ROWS:
        build = gated(stored(4 * floats(rows, 2 * width)), weights(70, width, "F16"))
        step = batch((0, rows))
        actual = run(kernels, build, step)
        assert_rounded_alike(actual, run(Twin(rounding(kernels.level)), build, step))
        assert_near(actual, run(ReferenceKernels(), build, step), 0.05)


def test_prompts_are_normed_alike(kernels):
    build = normed(weights(40, 96), floats(96), 1e-3, weights(70, 96, "F16"))
    for answers in (0, 1, 7, 40):
        step = batch((0, 40), answers=answers)
        actual = run(kernels, build, step)
        for prompt, rows in ((False, slice(0, answers)), (True, slice(answers, 40))):
            expected = run(Twin(rounding(kernels.level, prompt=prompt)), build, step)
            if len(expected[rows]):
                assert_rounded_alike(actual[rows], expected[rows])


@pytest.mark.parametrize("epsilon", [1e-6, 1e-2])
def test_rows_of_any_size(epsilon, kernels):
    """Small rows are what epsilon is for; of a row of zeros nothing is left."""
    rows = floats(12, 64) * 10.0 ** np.arange(-8, 4)[:, None]
    rows[5] = 0
    build = normed(stored(rows.astype(np.float32)), floats(64), epsilon, weights(33, 64, "Q8_0"))
    step = batch((0, 12))
    actual, expected = (run(each, build, step) for each in (kernels, Twin(rounding(kernels.level))))
    assert not actual[5].any()
    assert_rounded_alike(actual, expected)


def test_extreme_gates(kernels):
    """silu's exponential must neither overflow nor lose the sign."""
    gate = np.array([[-1e4, -200, -88, -87, -20, -1e-6, 0, 1e-6, 20, 87, 88, 1e4]], np.float32)
    table = np.ones((1, 24), np.float32)
    table[:, :12] = gate
    identity = stored(np.eye(12, dtype=np.float32))

    def build(kernels):
        packed, second = kernels.matrix([stored(table)]), kernels.matrix([identity])
        return lambda ops: ops.linear(ops.swiglu(ops.embed(packed)), second)

    actual, expected = (run(each, build, batch((0, 1))) for each in (kernels, Twin(rounding(kernels.level))))
    assert_near(actual, expected, 1e-5)


def test_what_is_not_finite_is_not_lost(kernels):
    """Numbers that grew beyond float32 end in the result, where the engine sees them: 8 bits have no infinity."""
    huge = stored(np.full((64, 64), 5e6, np.float32))
    fine = weights(10, 64)

    def build(kernels):
        large, small = kernels.matrix([huge]), kernels.matrix([fine])

        def forward(ops):
            x = ops.embed(large)
            for _ in range(5):
                x = ops.linear(x, large)
            return ops.linear(x, small)

        return forward

    for answers in (0, 3):
        assert not np.isfinite(run(kernels, build, batch((0, 3), answers=answers))).any()
