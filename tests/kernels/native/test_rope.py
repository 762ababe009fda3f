"""Rotation on the way to the cache, seen through attention: both layouts, parts of heads, far positions."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kernels.native.attending import Heads, assert_attends
from tests.kernels.native.inputs import RANDOM

from galerne.kernels.interface import Rope


def rope(rotated: int, *, interleaved: bool, magnitude: float = 1.0) -> Rope:
    frequencies = RANDOM.uniform(1e-4, 1.0, rotated // 2).astype(np.float32)
    return Rope(frequencies, magnitude, interleaved)


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize(
    ("head_dim", "rotated"), [(32, 32), (64, 64), (128, 128), (64, 32), (80, 20), (96, 96), (20, 6), (33, 2), (192, 64)]
)
def test_heads_and_parts_of_heads(head_dim, rotated, interleaved, caching_kernels):
    heads = Heads(4, 2, head_dim, rope=rope(rotated, interleaved=interleaved))
    assert_attends(caching_kernels, heads, ((0, 45),), ((45, 2),))


@pytest.mark.parametrize("interleaved", [True, False])
def test_a_scaling_of_the_magnitude(interleaved, caching_kernels):
    heads = Heads(4, 2, 32, rope=rope(32, interleaved=interleaved, magnitude=1.25))
    assert_attends(caching_kernels, heads, ((0, 45),), ((45, 2),))


def test_far_positions(caching_kernels):
    """Angles of thousands of radians: cosines are taken in double precision."""
    heads = Heads(2, 1, 16, rope=rope(16, interleaved=False), window=64)
    assert_attends(caching_kernels, heads, ((4000, 40),), ((4040, 1),), blocks=130)


def test_sequences_side_by_side(caching_kernels):
    heads = Heads(3, 1, 48, rope=rope(48, interleaved=False))
    assert_attends(caching_kernels, heads, ((0, 40), (10, 1), (31, 33)), blocks=12)
