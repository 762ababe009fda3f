"""16-bit floats by integer arithmetic: every one of them, and every way of rounding to them."""

from __future__ import annotations

import numpy as np
import pytest
from llvmlite import ir
from tests.kernels.native.inputs import RANDOM
from tests.kernels.native.twin import to_bfloats

from galerne.kernels.native.emitter import F32V, I16, I64, VOID, Emitter, vector
from galerne.kernels.native.halves import float_to_half, half_to_float, round_to_bfloats
from galerne.kernels.native.levels import PORTABLE
from galerne.kernels.native.library import Library, compile_object


def compiled(body, kind, result):
    """`body(emit, sixteen numbers of `kind`)`, made into a function over arrays."""
    module = ir.Module(name="halves")
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 2), "run"), fused=False)
    source, target = emit.arguments
    emit.store(body(emit, emit.load(kind, source)), target)
    emit.done()
    library = Library(compile_object(str(module), PORTABLE))

    def call(numbers):
        assert numbers.size % 16 == 0
        output = np.empty(numbers.shape, result)
        for start in range(0, numbers.size, 16):
            library.run(numbers[start:].ctypes.data, output[start:].ctypes.data)
        return output

    return call


EVERY_HALF = np.arange(1 << 16).astype(np.uint16)


@pytest.fixture
def numbers() -> np.ndarray:
    """Float32 of every size; the halves themselves, what lies in the middle between two, and what lies just beside."""
    halves = EVERY_HALF.view(np.float16)
    finite = halves[np.isfinite(halves)].astype(np.float32)
    middle = (finite[:-1] + np.diff(finite) / 2)[np.diff(finite) < 1e4]
    beside = np.concatenate([np.nextafter(middle, np.float32(bound)) for bound in (-np.inf, np.inf)])
    anything = RANDOM.integers(0, 1 << 32, 1 << 14, np.uint32).view(np.float32)
    special = np.array([0.0, -0.0, np.inf, -np.inf, 65504, 65519.996, 65520, -65520, 1e38, 1e-45, 2.98e-8], np.float32)
    every = np.concatenate([finite, middle, beside, anything[~np.isnan(anything)], special])
    return np.pad(every, (0, -every.size % 16)).astype(np.float32)


def test_every_half_becomes_its_float():
    result = compiled(half_to_float, vector(I16), np.float32)(EVERY_HALF)
    expected = EVERY_HALF.view(np.float16).astype(np.float32)
    numeric = ~np.isnan(expected)
    assert np.array_equal(result[numeric].view(np.uint32), expected[numeric].view(np.uint32))
    assert np.isnan(result[~numeric]).all()


def test_floats_become_the_nearest_half(numbers):
    result = compiled(float_to_half, F32V, np.uint16)(numbers)
    with np.errstate(over="ignore"):
        expected = numbers.astype(np.float16)
    assert np.array_equal(result, expected.view(np.uint16))


def test_floats_become_the_nearest_bfloat(numbers):
    result = compiled(round_to_bfloats, F32V, np.uint16)(numbers)
    assert np.array_equal(result, to_bfloats(numbers).view(np.uint32) >> 16)


@pytest.mark.parametrize("body", [float_to_half, round_to_bfloats])
def test_not_a_number_stays_that(body):
    nans = np.array([0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0x7FFFFFFF] * 4, np.uint32).view(np.float32)
    result = compiled(body, F32V, np.uint16)(nans)
    kind = 0x7C00 if body is float_to_half else 0x7F80
    assert ((result & kind) == kind).all()
    assert ((result & (0x7FFF ^ kind)) != 0).all()
