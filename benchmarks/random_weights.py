"""Models of a real one's shape, whose weights are random: they compute nonsense, as fast as the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.native import NativeKernels
from galerne.kernels.native.memory import WeightMemory
from galerne.kernels.native.pack import PackedMatrix
from galerne.weights.checkpoint import Checkpoint
from galerne.weights.kinds import BY_NAME
from galerne.weights.tensor import Tensor

LEVELS = 4.6
"""Standard deviation of a number from 0 to 15."""


@dataclass(frozen=True)
class Shape:
    """Of a llama."""

    name: str
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    feed_forward: int
    vocabulary: int
    tied: bool
    context: int = 4096

    def matrices(self) -> Iterator[tuple[str, int, int]]:
        """Name, outputs and inputs of each."""
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        yield "token_embd", self.vocabulary, self.width
        if not self.tied:
            yield "output", self.vocabulary, self.width
        for layer in range(self.layers):
            prefix = f"blk.{layer}."
            yield f"{prefix}attn_q", q, self.width
            yield f"{prefix}attn_k", kv, self.width
            yield f"{prefix}attn_v", kv, self.width
            yield f"{prefix}attn_output", self.width, q
            yield f"{prefix}ffn_gate", self.feed_forward, self.width
            yield f"{prefix}ffn_up", self.feed_forward, self.width
            yield f"{prefix}ffn_down", self.width, self.feed_forward

    def norms(self) -> Iterator[str]:
        yield "output_norm"
        for layer in range(self.layers):
            yield f"blk.{layer}.attn_norm"
            yield f"blk.{layer}.ffn_norm"


LLAMA_1B = Shape("1B (Llama 3.2 1B)", 2048, 16, 32, 8, 64, 8192, 128_256, tied=True)
MISTRAL_7B = Shape("7B (Mistral 7B)", 4096, 32, 32, 8, 128, 14_336, 32_768, tied=False)


def random_checkpoint(shape: Shape, kind: str, seed: int = 0) -> Checkpoint:
    """A model in memory, its matrices in a 4-bit type. They are slices of one pool of random blocks, and share it."""
    rng = np.random.default_rng(seed)
    size, elements = BY_NAME[kind].size, BY_NAME[kind].elements
    largest = max(rows * columns for _, rows, columns in shape.matrices()) // elements
    pool = rng.integers(0, 256, (largest + largest // 2, size), np.uint8)
    SCALES[kind](pool, 1 / (LEVELS * shape.width**0.5))
    tensors: dict[str, Tensor] = {}
    for name, rows, columns in shape.matrices():
        blocks = rows * columns // elements
        start = int(rng.integers(0, len(pool) - blocks))
        data = pool[start : start + blocks].reshape(-1)
        tensors[f"{name}.weight"] = Tensor(f"{name}.weight", (rows, columns), kind, data)
    ones = np.ones(shape.width, np.float32).view(np.uint8)
    tensors |= {f"{name}.weight": Tensor(f"{name}.weight", (shape.width,), "F32", ones) for name in shape.norms()}
    return Checkpoint(Path(shape.name), "gguf", _metadata(shape), tensors, ())


def _metadata(shape: Shape) -> dict[str, int | float | str]:
    facts = {
        "vocab_size": shape.vocabulary,
        "context_length": shape.context,
        "embedding_length": shape.width,
        "block_count": shape.layers,
        "feed_forward_length": shape.feed_forward,
        "attention.head_count": shape.heads,
        "attention.head_count_kv": shape.kv_heads,
        "attention.key_length": shape.head_dim,
        "attention.value_length": shape.head_dim,
        "attention.layer_norm_rms_epsilon": 1e-5,
    }
    return {"general.architecture": "llama"} | {f"llama.{name}": value for name, value in facts.items()}


def _q4_0(pool: NDArray[np.uint8], scale: float) -> None:
    pool[:, :2] = np.array([scale], "<f2").view(np.uint8)


def _q4_k(pool: NDArray[np.uint8], scale: float) -> None:
    """Scales and minima of a group are numbers of six bits, 31 on the average."""
    pool[:, :4] = np.array([scale / 31, 7.5 * scale / 31], "<f2").view(np.uint8)


class CopyingKernels:
    """Fills `Kernels`: packs one stack of each kind and shape, and copies it for the next, which is much quicker.

    Copies, as each layer of a real model has weights of its own to be read.
    """

    def __init__(self, kernels: NativeKernels) -> None:
        self._kernels = kernels
        self._memory = WeightMemory()
        self._packed: dict[tuple[tuple[str, tuple[int, ...]], ...], list[PackedMatrix]] = {}
        self.sizes: dict[str, int] = {}  # bytes in memory of each stack, by its first tensor's name
        self.level, self.cache_bytes, self.program = kernels.level, kernels.cache_bytes, kernels.program

    def matrix(self, parts: Sequence[Tensor]) -> list[PackedMatrix]:
        stack = self._stack(parts)
        self.sizes[parts[0].name] = sum(matrix.nbytes for matrix in stack)
        return stack

    def _stack(self, parts: Sequence[Tensor]) -> list[PackedMatrix]:
        key = tuple((part.kind, part.shape) for part in parts)
        if key not in self._packed:
            self._packed[key] = self._kernels.matrix(parts)
            return self._packed[key]
        return [self._copy(matrix) for matrix in self._packed[key]]

    def _copy(self, matrix: PackedMatrix) -> PackedMatrix:
        names = ("weights", "scales", "minima", "units")
        parts = {name: getattr(matrix, name) for name in names if getattr(matrix, name) is not None}
        copies: dict[str, Any] = {name: self._again(part) for name, part in parts.items()}
        return replace(matrix, **copies)

    def _again(self, array: NDArray[Any]) -> NDArray[Any]:
        copy = self._memory.aligned(array.size, array.dtype).reshape(array.shape)
        copy[...] = array
        return copy


SCALES: dict[str, Callable[[NDArray[np.uint8], float], None]] = {"Q4_0": _q4_0, "Q4_K": _q4_k}
