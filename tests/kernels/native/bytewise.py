"""Attention in 8 bits, in numpy: what is rounded, and to what, as the compiled kernels define it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.batch import BLOCK
from galerne.kernels.interface import Attention

Floats = NDArray[np.float32]


def attend(
    q: Floats, keys: Floats, values: Floats, at: NDArray[np.int32], _past: NDArray[np.int64], shape: Attention
) -> Floats:
    """As reference.attend, of queries, keys and values that are rounded to 8 bits already.

    A position's weight is a whole number of steps, of which the one with the largest product of weight and scale (of
    its values) has 255 in each block; what they add up to is divided by the sum of the weights before rounding.
    """
    group = shape.heads // shape.kv_heads
    result = np.zeros((len(q), shape.kv_heads, group, shape.head_dim))
    scales = np.abs(values).max(axis=-1).astype(np.float64) / 127
    scales[scales == 0] = 1
    for row, position in enumerate(at[:, 0]):
        first = 0 if shape.window is None else max(0, position - shape.window + 1)
        queries = q[row].reshape(shape.kv_heads, group, -1).astype(np.float64)
        scores = np.einsum("hgd,phd->hgp", queries, keys[: position + 1]) * shape.scale
        weights = np.exp(scores - scores[..., first:].max(axis=-1, keepdims=True))
        weights[..., :first] = 0
        for start in range(0, position + 1, BLOCK):
            block = slice(start, min(start + BLOCK, position + 1))
            worth = weights[..., block] * scales[block].T[:, None]
            step = worth.max(axis=-1, keepdims=True) / 255
            steps = np.rint(np.divide(worth, step, where=step > 0, out=np.zeros_like(worth)))
            result[row] += np.einsum("hgp,phd->hgd", steps * step, values[block] / scales[block][..., None])
        result[row] /= weights.sum(axis=-1, keepdims=True)
    return result.reshape(q.shape).astype(np.float32)
