"""Scales of 4-bit weights as integers: multiples of one number for each output.

With scales in floating point, a group of 32 weights takes three multiplications beside its eight dot products: the
scale of weights times that of activations, that times the sum, the minimum. Integers take two. For weights q in 0..15
and activations a in 8 bits,

    sum a * (d * (q - 8) + m)  =  unit * (scale * dot + minimum * count)

    dot, count = sum a * (q - 8), -8 * sum a            at most 8 * 120 * 32, so 16 bits each
    scale, minimum = round(d / unit), round(-m / (8 * unit))   at most LARGEST, so 16 bits each

is one instruction that adds up the products of two pairs (`vpmaddwd`), and one multiplication by the activations'
scale. The pair is one number, 65536 * count + dot, of which a negative dot takes 1 from the count; it is left at that,
an eighth of a step of one activation. The whole numbers' steps are at most a 16,000th of an output's largest scale, and
an 8,000th for minima.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.native.emitter import F32V, I16, I32V, Emitter, Value, vector
from galerne.kernels.native.forms import MIDDLE, Form

LARGEST = 2**14 - 1
"""So that 32 bits hold the sum of two pairs' products, of two groups even."""


def whole_scales(scales: NDArray[Any], minima: NDArray[Any] | None) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """d, and m of weights d * (q - 8) + m or None, each [outputs, groups] -> integers of this shape, with the minima
    beside the scales in a last axis; and units [outputs], 0 where all are 0."""
    parts = [np.asarray(scales, np.float64)]
    if minima is not None:
        parts.append(np.asarray(minima, np.float64) / -MIDDLE)
    both = np.stack(parts, axis=-1)
    units = (np.abs(both).max(axis=(1, 2)) / LARGEST).astype(np.float32)
    steps = np.divide(both, units[:, None, None], where=units[:, None, None] > 0, out=np.zeros_like(both))
    whole = np.clip(np.rint(steps), -LARGEST, LARGEST).astype(np.int16)
    return whole if minima is not None else whole[..., 0], units


def load_pairs(emit: Emitter, form: Form, scales: Value) -> Value:
    """(scale, minimum) of the sixteen outputs of a (block, group), each pair in 32 bits."""
    if form.minimum:
        return emit.load(I32V, scales)
    return emit.extend(emit.load(vector(I16), scales), I32V, signed=False)


def as_floats(emit: Emitter, form: Form, scales: Value, units: Value) -> tuple[Value, Value | None]:
    """d and m of the sixteen outputs of a (block, group)."""
    unit = emit.load(F32V, units)
    if not form.minimum:
        return emit.to_float(emit.extend(emit.load(vector(I16), scales), I32V, signed=True)) * unit, None
    pairs = emit.load(I32V, scales)
    scale, minimum = (
        emit.to_float(emit.extend(emit.truncate(part, vector(I16)), I32V, signed=True)) for part in (pairs, pairs >> 16)
    )
    return scale * unit, minimum * (unit * -float(MIDDLE))
