"""Mixture of experts: few and many, all rows at one expert, experts that nobody chose, every type of weights."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kernels.native.comparison import assert_near, assert_rounded_alike
from tests.kernels.native.inputs import batch, floats, stored, weights
from tests.kernels.native.twin import Twin, rounding, run

from galerne.errors import UnsupportedFile
from galerne.kernels.reference import ReferenceKernels

ROWS = 40
WIDTH, INNER = 64, 96


def mixture(experts, used, *, kinds=("Q8_0", "Q8_0", "Q8_0"), router=None, width=WIDTH, inner=INNER, table=None):
    """`run`'s build: a residual stream that one mixture is added to. `kinds`: of gate, up and down."""
    table = weights(ROWS, width) if table is None else stored(table)
    router = floats(experts, width) if router is None else router
    norm = floats(width)
    gates, ups = ([weights(inner, width, kind) for _ in range(experts)] for kind in kinds[:2])
    downs = [weights(width, inner, kinds[2]) for _ in range(experts)]

    def build(kernels):
        packed = kernels.matrix([table])
        gate_up = [kernels.matrix(pair) for pair in zip(gates, ups, strict=True)]
        down = [kernels.matrix([matrix]) for matrix in downs]

        def forward(ops):
            x = ops.embed(packed)
            return ops.mixture(ops.rms_norm(x, norm, 1e-5), router, gate_up, down, used=used, add=x)

        return forward

    return build


def assert_mixes(kernels, build, rows=(1, 2, ROWS)):
    for count in rows:
        step = batch((0, count))
        actual = run(kernels, build, step)
        assert_rounded_alike(actual, run(Twin(rounding(kernels.level)), build, step))
        assert_near(actual, run(ReferenceKernels(), build, step), 0.05)


@pytest.mark.parametrize(("experts", "used"), [(1, 1), (2, 1), (4, 2), (5, 5), (8, 3), (64, 8)])
def test_few_and_many_experts(experts, used, kernels):
    assert_mixes(kernels, mixture(experts, used))


@pytest.mark.parametrize(
    "kinds", [("Q4_0", "Q4_0", "Q4_0"), ("Q4_1", "Q5_1", "F16"), ("F32", "F32", "Q4_0"), ("Q8_0", "Q4_0", "Q5_0")]
)
def test_every_form_of_weights(kinds, kernels):
    """Gate and up may be of two types: they are two matrices then."""
    assert_mixes(kernels, mixture(4, 2, kinds=kinds))


def test_k_types(kernels):
    assert_mixes(kernels, mixture(3, 2, kinds=("Q4_K", "Q4_K", "Q6_K"), width=256, inner=256), rows=(1, 20))


@pytest.mark.parametrize(("width", "inner"), [(33, 40), (40, 16), (100, 31)])
def test_shapes_that_fill_no_block(width, inner, kernels):
    assert_mixes(kernels, mixture(4, 2, kinds=("F32", "F32", "F32"), width=width, inner=inner))


def test_all_rows_at_one_expert(kernels):
    """And the second choice is a tie of all others, which the first of them wins."""
    table, router = floats(ROWS, WIDTH), np.zeros((6, WIDTH), np.float32)
    table[:, 0] = 4
    router[3] = np.eye(1, WIDTH)[0]
    assert_mixes(kernels, mixture(6, 2, router=router, table=table))


def test_prompts_are_mixed_like_answers(kernels):
    build = mixture(4, 2)
    results = [run(kernels, build, batch((0, ROWS), answers=answers)) for answers in (0, 3, ROWS)]
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_experts_of_mixed_types_are_refused(kernels):
    def build(kernels):
        packed = kernels.matrix([weights(ROWS, WIDTH)])
        gate_up = [kernels.matrix([weights(2 * INNER, WIDTH, kind)]) for kind in ("Q4_0", "Q8_0")]
        down = [kernels.matrix([weights(WIDTH, INNER)]) for _ in range(2)]

        def forward(ops):
            x = ops.embed(packed)
            return ops.mixture(ops.rms_norm(x, floats(WIDTH), 1e-5), floats(2, WIDTH), gate_up, down, used=1, add=x)

        return forward

    with pytest.raises(UnsupportedFile, match="different types"):
        run(kernels, build, batch((0, 1)))
