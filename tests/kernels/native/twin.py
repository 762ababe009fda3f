"""The arithmetic of the compiled kernels, in numpy: the reference, with numbers rounded where the kernels round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tests.kernels.native import bytewise, nibbles

from galerne.kernels.batch import Batch
from galerne.kernels.interface import CacheShape, Kernels, Matrix, Operations, Value
from galerne.kernels.native import LEVELS
from galerne.kernels.reference import ReferenceKernels, ReferenceOperations, ReferenceProgram, attend, kept
from galerne.weights.tensor import Tensor

Floats = NDArray[np.float32]

EXACT = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K")
"""Types whose weights the kernels take as they are, but for the last bits of scales."""

STEPS = 120
"""Of activations in 8 bits, on either side of 0."""

SMALLEST_HALF = np.finfo(np.float16).smallest_subnormal


def in_steps(x: Floats) -> tuple[Floats, Floats]:
    """Activations -> 8 bits in groups of 32, [rows, groups, 32], and a float32 scale of each group."""
    groups, largest = _groups(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(largest > 0, np.rint(groups * (np.float32(STEPS) / largest)), np.float32(0))
    return steps, largest * np.float32(1 / STEPS)


def to_bytes(x: Floats) -> Floats:
    steps, scales = in_steps(x)
    return _ungroup(steps * scales, x)


def weights_to_bytes(x: Floats) -> Floats:
    """Weights -> 8 bits in groups of 32, with a float16 scale, at least the smallest one that is not zero."""
    groups, largest = _groups(x)
    scales = (largest / np.float32(127)).astype(np.float16)
    scales = np.where(largest > 0, np.maximum(scales, SMALLEST_HALF), scales).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(scales > 0, np.clip(np.rint(groups / scales), -127, 127), np.float32(0))
    return _ungroup(steps * scales, x)


def packed(tensor: Tensor) -> Floats:
    """What is left of weights in memory."""
    if tensor.kind not in EXACT or tensor.shape[1] % 32:
        return weights_to_bytes(tensor.float32())
    return nibbles.rounded(tensor) if tensor.kind in nibbles.KINDS else tensor.float32()


def to_halves(x: Floats) -> Floats:
    return x.astype(np.float16).astype(np.float32)


def to_bfloats(x: Floats) -> Floats:
    """Even on ties."""
    bits = np.ascontiguousarray(x).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return rounded.astype(np.uint32).view(np.float32)


def weights_to_bfloats(x: Floats) -> Floats:
    """Away from zero on ties."""
    bits = np.ascontiguousarray(x).view(np.uint32).astype(np.uint64)
    return (bits + 0x8000 & 0xFFFF0000).astype(np.uint32).view(np.float32)


def _groups(x: Floats) -> tuple[Floats, Floats]:
    padded = np.pad(x, ((0, 0), (0, -x.shape[1] % 32)))
    groups = padded.reshape(len(x), -1, 32)
    return groups, np.abs(groups).max(axis=-1, keepdims=True)


def _ungroup(groups: Floats, x: Floats) -> Floats:
    return groups.reshape(len(x), -1)[:, : x.shape[1]].astype(np.float32)


@dataclass(frozen=True)
class Rounding:
    """What a level does to numbers on their way."""

    activations: Callable[[Floats], Floats] = to_bytes
    weights: Callable[[Floats], Floats] = np.asarray  # after they are what the packed matrix holds
    keys: Callable[[Floats], Floats] = to_halves  # [rows, kv_heads, head_dim]
    values: Callable[[Floats], Floats] = to_halves
    queries: Callable[[Floats], Floats] = np.asarray  # [rows * heads, head_dim]
    attend: Callable[..., Floats] = attend


def rounding(level: str, *, prompt: bool = False) -> Rounding:
    """Of the kernels that call themselves `level`."""
    name, _, cache = level.partition("+")
    level, result = LEVELS[name], Rounding()
    if cache:
        keys, values = kept("int8")
        result = replace(result, keys=keys, values=values)
        if level.quads:
            result = replace(result, queries=to_bytes, attend=bytewise.attend)
    elif level.bfloats:
        result = replace(result, keys=to_bfloats, values=to_bfloats, queries=to_bfloats)
    if prompt and level.tiles:
        return replace(result, activations=to_bfloats, weights=weights_to_bfloats)
    return result


class _Packed(np.ndarray):  # type: ignore[type-arg]
    """What is left of weights, and the tensors that they were."""

    parts: Sequence[Tensor] = ()

    def lost(self, x: Floats) -> Floats:
        """What a product of activations x has less, as a negative dot product takes 1 from the count above it."""
        steps, scales = in_steps(x)
        return np.concatenate([self._lost(part, steps, scales) for part in self.parts], axis=1)

    def _lost(self, part: Tensor, steps: Floats, scales: Floats) -> Floats:
        if part.kind not in nibbles.KINDS or part.shape[1] % 32:
            return np.zeros((len(steps), part.shape[0]), np.float32)
        stored, _, minima, units = nibbles.whole(part)
        dots = np.einsum("rgi,ogi->rog", steps, stored.astype(np.float32) - 8, optimize=True)
        return ((dots < 0) * minima @ scales[..., 0][:, :, None])[..., 0] * units


class Twin(ReferenceKernels):
    """Fills `Kernels`."""

    def __init__(self, rounding: Rounding) -> None:
        super().__init__()
        self._rounding = rounding

    def matrix(self, parts: Sequence[Tensor]) -> Matrix:
        matrix = np.concatenate([packed(part) for part in parts]).view(_Packed)
        matrix.parts = parts
        return matrix

    def program(self, forward: Callable[[Operations], Value], cache: CacheShape, max_rows: int) -> ReferenceProgram:  # noqa: ARG002
        return _Program(forward, cache, self._rounding)


class _Program(ReferenceProgram):
    def __init__(self, forward: Callable[[Operations], Value], cache: CacheShape, rounding: Rounding) -> None:
        super().__init__(forward, cache, "float16")
        self._rounding = rounding

    def __call__(self, batch: Batch) -> Floats:
        return self._forward(_Operations(batch, self._keys, self._values, self._rounding))


class _Operations(ReferenceOperations):
    def __init__(self, batch: Batch, keys: Floats, values: Floats, rounding: Rounding) -> None:
        super().__init__(batch, keys, values, "float16")
        self._rounding = rounding
        self.attend = rounding.attend

    def linear(self, x: Value, matrix: Matrix, *, bias=None, add=None) -> Value:
        rounding = self._rounding
        weights = np.asarray(matrix)
        result = super().linear(rounding.activations(x), rounding.weights(weights), bias=bias, add=add)
        if rounding.activations is to_bytes and isinstance(matrix, _Packed):
            result -= matrix.lost(x)
        return result

    def attention(self, q: Value, k: Value, v: Value, shape, *, outputs=False) -> Value:
        """Queries are rounded after they are scaled, which is the same as long as the scale is a power of two."""
        rounding = self._rounding
        k, v = (
            rounded(x.reshape(len(x), shape.kv_heads, -1)).reshape(x.shape)
            for x, rounded in ((k, rounding.keys), (v, rounding.values))
        )
        queries = rounding.queries(q.reshape(-1, shape.head_dim)).reshape(q.shape)
        return super().attention(queries, k, v, shape, outputs=outputs)


def run(kernels: Kernels, build: Callable[[Kernels], Callable[[Operations], Value]], *batches: Batch, **cache: int):
    """What a forward function gives for some batches, one after the other. `build(kernels)` makes it."""
    shape = CacheShape(**{"layers": 1, "blocks": 4, "kv_heads": 1, "head_dim": 32} | cache)
    program = kernels.program(build(kernels), shape, max_rows=max(len(batch.tokens) for batch in batches))
    return np.concatenate([program(batch).copy() for batch in batches])
