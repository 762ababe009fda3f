"""Random models that are built quickly."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.random_weights import CopyingKernels
from tests.kernels.native.inputs import weights

from galerne.kernels.native.pack import pack_stack


class Packing:
    """What is asked of the kernels."""

    level = cache_bytes = program = None

    def __init__(self) -> None:
        self.asked = 0

    def matrix(self, parts):
        self.asked += 1
        return pack_stack(parts)


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_K"])
def test_a_stack_like_an_earlier_one_is_a_copy_in_memory_of_its_own(kind):
    kernels = Packing()
    copying = CopyingKernels(kernels)
    first, second, third = ([weights(outputs, 256, kind)] for outputs in (32, 32, 48))
    (original,), (copy,), (other,) = (copying.matrix(parts) for parts in (first, second, third))
    assert kernels.asked == 2
    assert copying.sizes == {"weights": other.nbytes}  # the last of that name
    assert other.outputs == 48
    assert np.array_equal(copy.weights, original.weights)
    assert np.array_equal(copy.scales, original.scales)
    assert not np.shares_memory(copy.weights, original.weights)
    assert (copy.minima is None) == (original.minima is None)
