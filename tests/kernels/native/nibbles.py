"""4-bit weights with whole scales, in numpy, from a file's own bytes: see native/whole_scales.py."""

from __future__ import annotations

import gguf
import numpy as np
from numpy.typing import NDArray

from galerne.weights.kinds import BY_NAME
from galerne.weights.tensor import Tensor

KINDS = ("Q4_0", "Q4_1", "Q4_K")

LARGEST = 16383


def rounded(tensor: Tensor) -> NDArray[np.float32]:
    """What is left of the weights [outputs, inputs]."""
    stored, scales, minima, units = whole(tensor)
    weights = (stored - 8) * scales[..., None] - 8 * minima[..., None]
    return (weights * units[:, None, None].astype(np.float64)).astype(np.float32).reshape(tensor.shape)


def whole(tensor: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """0..15 [outputs, groups, 32], scales and minima [outputs, groups], and units [outputs]."""
    stored, scales, minima = _groups(tensor)
    middle = (minima + np.float32(8) * scales) / -8
    units = (np.maximum(np.abs(scales), np.abs(middle)).max(axis=1) / LARGEST).astype(np.float32)
    by = np.where(units > 0, units, 1).astype(np.float64)[:, None]
    return stored, np.rint(scales / by).astype(np.int64), np.rint(middle / by).astype(np.int64), units


def _groups(tensor: Tensor) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """0..15 [outputs, groups, 32], scales and minima [outputs, groups]: weight = scale * stored + minimum."""
    outputs = tensor.shape[0]
    blocks = tensor.data.reshape(-1, BY_NAME[tensor.kind].size)
    halves = blocks[:, :4].copy().view(np.float16).astype(np.float32)
    if tensor.kind == "Q4_K":
        small = gguf.quants.Q4_K.get_scale_min(blocks[:, 4:16].copy())
        scales, minima = (halves[:, i, None] * part for i, part in enumerate(small))
        pairs = blocks[:, 16:].reshape(-1, 4, 1, 32)
        return _by_output(outputs, np.concatenate([pairs & 15, pairs >> 4], axis=2), scales, -minima)
    packed = blocks[:, -16:]
    scales = halves[:, 0]
    minima = halves[:, 1] if tensor.kind == "Q4_1" else -8 * scales
    return _by_output(outputs, np.concatenate([packed & 15, packed >> 4], axis=1), scales, minima)


def _by_output(outputs, stored, scales, minima):
    groups = (
        stored.astype(np.int64).reshape(outputs, -1, 32),
        scales.reshape(outputs, -1),
        minima.reshape(outputs, -1),
    )
    return groups[0], *(numbers.astype(np.float32).astype(np.float64) for numbers in groups[1:])
