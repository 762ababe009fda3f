"""4-bit weights with whole scales: every weight, and every sum, is what the definition says."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kernels.native.inputs import any_weights, batch, floats, stored, weights
from tests.kernels.native.nibbles import KINDS, rounded, whole
from tests.kernels.native.twin import STEPS, run, weights_to_bytes

from galerne.weights.tensor import Tensor


def product(table, matrix):
    def build(kernels):
        packed, multiplied = kernels.matrix([table]), kernels.matrix([matrix])
        return lambda ops: ops.linear(ops.embed(packed), multiplied)

    return build


def answers(rows):
    """A batch of rows that no level computes as a prompt."""
    return batch((0, rows), answers=rows)


def with_odd_rows(matrix: Tensor) -> Tensor:
    """Among the outputs: one of zeros, and one with a scale so small that float16 barely holds it."""
    rows = matrix.data.reshape(matrix.shape[0], -1)
    rows[3] = 0
    rows[5] = 0
    rows[5, 0] = 1
    return matrix


@pytest.mark.parametrize("kind", KINDS)
def test_scales_are_rounded_by_less_than_a_file_does(kind):
    tensor = with_odd_rows(any_weights(70, 256, kind))
    exact = tensor.float32()
    off = np.abs(rounded(tensor) - exact).max(axis=1)
    assert np.all(off <= np.abs(exact).max(axis=1) * 2.0**-12)


@pytest.mark.parametrize("outputs", [16, 17, 70])
@pytest.mark.parametrize("kind", KINDS)
def test_every_weight(kind, outputs, kernels):
    """Rows that are zero but for one number show the weights one by one, for one row and for many."""
    matrix = with_odd_rows(any_weights(outputs, 256, kind))
    single = stored(127 * np.eye(64, 256, k=96, dtype=np.float32))
    quants = np.zeros((64, 8, 32), np.int64)
    quants.reshape(64, 256)[np.arange(64), np.arange(96, 160)] = STEPS
    scales = np.broadcast_to(np.float32(127) * np.float32(1 / STEPS), (64, 8))
    expected = products(quants, scales, matrix, fused=True)
    for rows in (1, 5, 64):
        assert np.array_equal(run(kernels, product(single, matrix), answers(rows)), expected[:rows])


@pytest.mark.parametrize("kind", KINDS)
def test_sums_are_exact_in_a_group_and_added_in_order(kind, kernels):
    matrix, table = weights(70, 512, kind), floats(40, 512)
    groups = weights_to_bytes(table).reshape(40, 16, 32)
    largest = np.abs(groups).max(axis=-1)
    quants = np.rint(groups * (np.float32(STEPS) / largest)[..., None]).astype(np.int64)
    expected = products(quants, largest * np.float32(1 / STEPS), matrix, fused=kernels.level != "portable")
    for rows in (1, 2, 9, 15, 16, 40):
        assert np.array_equal(run(kernels, product(stored(table), matrix), answers(rows)), expected[:rows])


def products(quants, activations, matrix, *, fused):
    """Activations [rows, groups, 32] with scales [rows, groups] -> float32 [rows, outputs], by the definition."""
    nibbles, scales, minima, units = whole(matrix)
    dots = np.einsum("rgi,ogi->gro", quants, nibbles - 8)
    counts = -8 * quants.sum(axis=-1)
    total = np.zeros((len(quants), len(units)), np.float32)
    for group, dot in enumerate(dots):
        upper = counts[:, group, None] - (dot < 0)  # as both are halves of one number
        exact = dot * scales[:, group] + upper * minima[:, group]
        assert np.abs(exact).max() < 2**31
        terms = exact.astype(np.float32).astype(np.float64) * activations[:, group, None]
        total = (total + (terms if fused else terms.astype(np.float32))).astype(np.float32)
    return total * units
