"""The matrix product: every form, tiles of all heights, panels, bias and residual."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kernels.native.comparison import assert_near
from tests.kernels.native.inputs import batch, floats, weights
from tests.kernels.native.twin import EXACT, Twin, rounding, run

from galerne.kernels.interface import Kernels, Operations, Value
from galerne.kernels.reference import ReferenceKernels

ROWS = (1, 2, 3, 5, 6, 7, 8, 15, 16, 17, 33, 64, 70)
SHAPES = ((16, 32), (40, 96), (200, 288))  # outputs, inputs
OTHERS = ("F32", "F16", "BF16", "Q6_K", "Q2_K", "IQ4_XS")


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
            actual = run(kernels, build, step)
            assert_near(actual, run(Twin(rounding(kernels.level)), build, step), 1e-5)
            assert_near(actual, run(ReferenceKernels(), build, step), 0.03)


@pytest.mark.parametrize("rows", ROWS)
def test_any_number_of_rows(rows, kernels):
    for kind in ("Q4_0", "Q4_1", "Q8_0", "Q5_1"):
        build = linear(72, 96, kind, with_bias=True, with_residual=True)
        step = batch((0, rows))
        assert_near(run(kernels, build, step), run(Twin(rounding(kernels.level)), build, step), 1e-5)


@pytest.mark.parametrize(
    ("kind", "with_bias", "with_residual"),
    [
        *(("Q4_0", *added) for added in ((False, False), (True, False), (False, True))),
        *((kind, True, True) for kind in ("Q4_0", "Q4_K", "Q8_0", "Q5_1")),
    ],
)
def test_prompts_beside_answers(kind, with_bias, with_residual, kernels):
    """Where there are tiles, prompts are computed in bfloat16: a weight in the middle may become either neighbour."""
    build = linear(72, 256, kind, with_bias=with_bias, with_residual=with_residual)
    for rows, answers in ((1, 0), (17, 1), (33, 0), (70, 3), (70, 69)):
        step = batch((0, rows), answers=answers)
        actual = run(kernels, build, step)
        for prompt, some in ((False, slice(0, answers)), (True, slice(answers, rows))):
            expected = run(Twin(rounding(kernels.level, prompt=prompt)), build, step)
            if len(expected[some]):
                assert_near(actual[some], expected[some], 2e-3 if prompt and kernels.level == "amx_bf16" else 1e-5)


@pytest.mark.parametrize("inputs", [1, 7, 33, 100])
@pytest.mark.parametrize("outputs", [1, 15, 17])
def test_shapes_that_fill_no_block(outputs, inputs, kernels):
    build = linear(outputs, inputs, "F32", with_bias=True, with_residual=True)
    for rows in (1, 5, 20):
        step = batch((0, rows))
        assert_near(run(kernels, build, step), run(Twin(rounding(kernels.level)), build, step), 1e-5)


@pytest.mark.parametrize("kinds", [("Q4_0", "Q4_0", "Q4_0"), ("Q4_K", "Q4_K", "Q6_K"), ("F16", "Q8_0", "Q4_1")])
@pytest.mark.parametrize("heights", [(32, 16, 48), (33, 5, 18)])
def test_matrices_stacked_along_their_outputs(kinds, heights, kernels):
    """As attention's are: in one type or several, of heights that fill blocks or not."""
    table, bias = weights(20, 256), floats(sum(heights))
    parts = [weights(height, 256, kind) for height, kind in zip(heights, kinds, strict=True)]

    def build(kernels):
        packed, stack = kernels.matrix([table]), kernels.matrix(parts)
        return lambda ops: ops.linear(ops.embed(packed), stack, bias=bias)

    for rows in (1, 20):
        step = batch((0, rows))
        actual = run(kernels, build, step)
        assert_near(actual, run(ReferenceKernels(), build, step), 0.03)
        lone = [run(kernels, lambda kernels, i=i: _alone(kernels, table, parts[i]), step) for i in range(3)]
        assert_near(actual - bias, np.concatenate(lone, axis=1), 2e-2 if len(set(kinds)) > 1 else 1e-5)


def _alone(kernels, table, part):
    packed, matrix = kernels.matrix([table]), kernels.matrix([part])
    return lambda ops: ops.linear(ops.embed(packed), matrix)
