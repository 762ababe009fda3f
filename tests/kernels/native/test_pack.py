"""Weights in memory: refused when they are not finite, no larger than they must be, stacked as they come."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kernels.native.inputs import SCALES, floats, stored, weights
from tests.kernels.native.twin import EXACT

from galerne.errors import BadFile
from galerne.kernels.native.pack import OUTPUTS_AT_ONCE, pack, pack_stack
from galerne.weights.kinds import BY_NAME
from galerne.weights.tensor import Tensor


def named(tensor: Tensor, name: str) -> Tensor:
    return Tensor(name, tensor.shape, tensor.kind, tensor.data)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [kind for kind in EXACT if SCALES[kind]])
def test_a_scale_that_is_not_finite_is_refused_by_name(kind, value):
    """Wherever it is: a large matrix is read in pieces."""
    outputs = OUTPUTS_AT_ONCE + 3
    for place in SCALES[kind]:
        tensor = named(weights(outputs, 256, kind), "blk.3.attn_q.weight")
        blocks = tensor.data.reshape(-1, BY_NAME[kind].size)
        blocks[-1, place : place + 2] = np.array([value], np.float16).view(np.uint8)
        with pytest.raises(BadFile, match=r"blk\.3\.attn_q\.weight: holds numbers that are not finite"):
            pack([tensor])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38])
def test_floats_that_8_bits_cannot_hold_are_refused_by_name(value):
    numbers = floats(OUTPUTS_AT_ONCE + 3, 40)
    numbers[-1, -1] = value
    with pytest.raises(BadFile, match="output: holds numbers that are not finite, or too large"):
        pack([stored(floats(16, 40)), named(stored(numbers), "output")])


@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        ("Q4_0", 4.5625),
        ("Q4_1", 5.0625),
        ("Q4_K", 5.0625),
        ("Q8_0", 8.5),
        ("Q5_0", 10),
        ("Q5_K", 10),
        ("Q6_K", 8.5),
        ("F16", 8.5),
    ],
)
def test_a_weight_takes_so_many_bits(kind, bits):
    """About what they take in the file: 4.5, 5, 4.5 and 8.5."""
    packed = pack([weights(256, 512, kind)])
    assert packed.nbytes == 256 * 512 * bits / 8


def test_one_type_is_one_matrix_and_several_are_several():
    same = [weights(height, 64, "Q4_0") for height in (16, 5, 3)]
    assert [matrix.outputs for matrix in pack_stack(same)] == [24]
    mixed = [weights(32, 64, "Q4_0"), weights(5, 64, "Q8_0")]
    assert [(matrix.outputs, matrix.form.nibbles) for matrix in pack_stack(mixed)] == [(32, True), (5, False)]


def test_types_whose_heights_fill_no_block_become_one_matrix():
    mixed = [weights(5, 64, "Q4_0"), weights(32, 64, "Q8_0")]
    assert [(matrix.outputs, matrix.form.nibbles) for matrix in pack_stack(mixed)] == [(37, False)]


def test_zeros_stay_zeros():
    packed = pack([stored(np.zeros((16, 32), np.float32))])
    assert not packed.scales.any()
