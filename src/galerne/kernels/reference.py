"""The arithmetic in numpy, float32: slow, obvious, and what every other kernel must agree with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from galerne.errors import BadFile
from galerne.kernels.batch import BLOCK, Batch
from galerne.kernels.interface import (
    CACHE_GROUP,
    Attention,
    CacheShape,
    CacheType,
    Matrix,
    Operations,
    Program,
    Rope,
    Value,
    Vector,
)
from galerne.weights.tensor import Tensor

Floats = NDArray[np.float32]


class ReferenceKernels:
    """Fills `interface.Kernels`. Weights are dequantised once, when the model is loaded."""

    def __init__(self, cache: CacheType = "float16") -> None:
        self._cache_type = cache
        self.level = "reference" if cache == "float16" else f"reference+{cache}"

    def matrix(self, parts: Sequence[Tensor]) -> Matrix:
        return np.concatenate([_finite(part) for part in parts])

    def cache_bytes(self, shape: CacheShape) -> int:
        positions = shape.layers * shape.blocks * BLOCK
        return 2 * positions * shape.kv_heads * shape.head_dim * np.dtype(np.float32).itemsize

    def program(
        self,
        forward: Callable[[Operations], Value],
        cache: CacheShape,
        max_rows: int,  # noqa: ARG002 - numpy allocates as it goes
    ) -> Program:
        return ReferenceProgram(forward, cache, self._cache_type)


def _finite(tensor: Tensor) -> Floats:
    values = tensor.float32()
    if not np.isfinite(values).all():
        raise BadFile("holds numbers that are not finite.", where=tensor.name)
    return values


class ReferenceProgram:
    """Calls the forward function again for every batch."""

    answers_apart = False

    def __init__(self, forward: Callable[[Operations], Value], cache: CacheShape, cache_type: CacheType) -> None:
        self._forward = forward
        self._cache_type = cache_type
        shape = (cache.layers, cache.blocks, BLOCK, cache.kv_heads, cache.head_dim)
        self._keys: Floats = np.zeros(shape, np.float32)
        self._values: Floats = np.zeros(shape, np.float32)

    def __call__(self, batch: Batch) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):  # absurd weights show in the logits
            self._operations = ReferenceOperations(batch, self._keys, self._values, self._cache_type)
            logits: Floats = self._forward(self._operations)
        return logits

    def states(self) -> Floats:
        return self._operations.kept_states

    def copy_block(self, source: int, target: int) -> None:
        self._keys[:, target] = self._keys[:, source]
        self._values[:, target] = self._values[:, source]


class ReferenceOperations:
    """Fills `interface.Operations` for one batch: each call computes at once and gives an array."""

    def __init__(self, batch: Batch, keys: Floats, values: Floats, cache_type: CacheType) -> None:
        self._batch = batch
        self._keys = keys  # [layers, blocks, BLOCK, kv_heads, head_dim]
        self._values = values
        self._kept_keys, self._kept_values = kept(cache_type)
        self.attend = attend

    def embed(self, table: Matrix) -> Value:
        return table[self._batch.tokens]

    def rms_norm(self, x: Value, weight: Vector, epsilon: float) -> Value:
        mean_square = np.mean(np.square(x), axis=-1, keepdims=True)
        return x / np.sqrt(mean_square + np.float32(epsilon)) * weight

    def linear(self, x: Value, matrix: Matrix, *, bias: Vector | None = None, add: Value | None = None) -> Value:
        result = x @ matrix.T
        if bias is not None:
            result += bias
        if add is not None:
            result += add
        return result

    def split(self, x: Value, widths: Sequence[int]) -> list[Value]:
        return np.split(x, np.cumsum(widths)[:-1], axis=-1)

    def rope(self, x: Value, heads: int, rope: Rope) -> Value:
        half = len(rope.frequencies)
        angles = self._batch.positions[:, None, None] * rope.frequencies.astype(np.float64)
        cos = (np.cos(angles) * rope.magnitude).astype(np.float32)
        sin = (np.sin(angles) * rope.magnitude).astype(np.float32)
        result = x.reshape(len(x), heads, -1).copy()
        if rope.interleaved:
            first, second = slice(0, 2 * half, 2), slice(1, 2 * half, 2)
        else:
            first, second = slice(0, half), slice(half, 2 * half)
        a, b = result[..., first].copy(), result[..., second].copy()
        result[..., first] = a * cos - b * sin
        result[..., second] = b * cos + a * sin
        return result.reshape(x.shape)

    def attention(
        self,
        q: Value,
        k: Value,
        v: Value,
        shape: Attention,
        *,
        outputs: bool = False,  # noqa: ARG002 - every row is right
    ) -> Value:
        batch = self._batch
        result = np.empty_like(q)
        for sequence, length in enumerate(batch.lengths):
            rows = slice(batch.starts[sequence], batch.starts[sequence + 1])
            past = np.arange(length)
            slots = batch.blocks[sequence, past // BLOCK], past % BLOCK
            new = batch.positions[rows]
            written = batch.blocks[sequence, new // BLOCK], new % BLOCK
            keys, values = self._keys[shape.layer], self._values[shape.layer]
            keys[written] = self._kept_keys(k[rows].reshape(-1, shape.kv_heads, shape.head_dim))
            values[written] = self._kept_values(v[rows].reshape(-1, shape.kv_heads, shape.head_dim))
            result[rows] = self.attend(q[rows], keys[slots], values[slots], new[:, None], past[None, :], shape)
        return result

    def swiglu(self, gate_up: Value) -> Value:
        gate, up = np.split(gate_up, 2, axis=-1)
        with np.errstate(over="ignore"):  # exp overflows to infinity, and the quotient is then rightly 0
            return gate / (1 + np.exp(-gate)) * up

    def mixture(
        self, x: Value, router: Vector, gate_up: Sequence[Matrix], down: Sequence[Matrix], *, used: int, add: Value
    ) -> Value:
        scores = x @ router.T
        chosen = np.argsort(-scores, axis=-1, kind="stable")[:, :used]
        shares = _softmax(np.take_along_axis(scores, chosen, axis=-1))
        result = add.copy()
        for expert in np.unique(chosen):
            rows, rank = np.nonzero(chosen == expert)
            inner = self.swiglu(self.linear(x[rows], gate_up[expert]))
            result[rows] += shares[rows, rank, None] * self.linear(inner, down[expert])
        return result

    def outputs(self, x: Value) -> Value:
        return x[self._batch.outputs]

    def states(self, x: Value) -> Value:
        self.kept_states: Floats = x
        return x


Kept = Callable[[Floats], Floats]


def kept(cache_type: CacheType) -> tuple[Kept, Kept]:
    """What is left of keys, and of values, [rows, kv_heads, head_dim]."""
    if cache_type == "int8":
        return lambda keys: in_8_bits(keys, CACHE_GROUP), lambda values: in_8_bits(values, values.shape[-1])
    return np.asarray, np.asarray


def in_8_bits(heads: Floats, group: int) -> Floats:
    """Numbers in 8 bits, of which so many of a head share a scale, see `CacheType`."""
    width = heads.shape[-1]
    groups = np.pad(heads, ((0, 0), (0, 0), (0, -width % group))).reshape(*heads.shape[:2], -1, group)
    scales = (np.abs(groups).max(axis=-1, keepdims=True) / np.float32(127)).astype(np.float16).astype(np.float32)
    steps = np.clip(np.rint(groups * np.divide(1, scales, where=scales != 0, out=np.zeros_like(scales))), -127, 127)
    result: Floats = (steps * scales).reshape(*heads.shape[:2], -1)[..., :width]
    return result


def attend(
    q: Floats, keys: Floats, values: Floats, at: NDArray[np.int32], past: NDArray[np.int64], shape: Attention
) -> Floats:
    """softmax(q k^T scale) v for the n new rows of one sequence of `length` positions.

    q [n, heads * head_dim], keys and values [length, kv_heads, head_dim], at [n, 1] and past [1, length] positions.
    """
    visible = past <= at
    if shape.window is not None:
        visible &= past > at - shape.window
    group = shape.heads // shape.kv_heads
    queries = q.reshape(len(q), shape.kv_heads, group, shape.head_dim)
    result = np.empty_like(queries)
    for head in range(shape.kv_heads):  # one at a time: the scores of all would take much memory
        scores = queries[:, head] @ keys[:, head].T * np.float32(shape.scale)  # [n, group, length]
        result[:, head] = _softmax(np.where(visible[:, None, :], scores, -np.inf)) @ values[:, head]
    return result.reshape(q.shape)


def _softmax(scores: Floats) -> Floats:
    exponentials: Floats = np.exp(scores - scores.max(axis=-1, keepdims=True))
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials
