"""The seam between the architectures and the arithmetic.

An architecture is one function over `Operations`, written once. `Kernels.program` turns it into something that runs:
`reference` calls it again for every batch with numpy arrays, the compiled kernels call it once, write down what it
asks for, and play that back on a team of threads. So the function must not look at the values, only pass them on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.batch import Batch
from galerne.weights.tensor import Tensor

Value = Any
"""Activations, float32 [rows, width]: an array in `reference`, a buffer's name in a compiled program."""

Matrix = Any
"""Weights [out, in] in the form that the kernels like best; made by `Kernels.matrix`."""

Vector = NDArray[np.float32]

CacheType = Literal["float16", "int8"]
"""How keys and values are kept: in 16 bits (the reference: 32), or in 8.

In 8 bits, CACHE_GROUP neighbours of a key's head, and all of a value's, share a scale: q = round(x / scale), where
scale = float16(largest |x| / 127).
"""

CACHE_GROUP = 32


@dataclass(frozen=True, slots=True)
class Rope:
    """Rotary position embedding (Su et al., arXiv:2104.09864) of the first `2 * len(frequencies)` numbers of a head."""

    frequencies: Vector  # [rotated / 2] radians per position, scalings (linear, YaRN, llama3) already applied
    magnitude: float  # what cos and sin are multiplied by (YaRN's attention factor), else 1
    interleaved: (
        bool  # True: pairs (0,1),(2,3).. as GGUF stores llama; False: pairs (i, i + rotated/2), as transformers
    )


@dataclass(frozen=True, slots=True)
class Attention:
    """The shape of one layer's attention."""

    layer: int
    heads: int
    kv_heads: int  # divides heads (grouped queries)
    head_dim: int
    scale: float  # usually head_dim ** -0.5
    window: int | None  # a query sees itself and the window - 1 positions before it; None: all of them


class Operations(Protocol):
    """What a forward pass may ask for. Rows are the batch's tokens unless said otherwise."""

    def embed(self, table: Matrix) -> Value:
        """The rows of `table` that the batch's tokens name."""

    def rms_norm(self, x: Value, weight: Vector, epsilon: float) -> Value:
        """x / sqrt(mean(x^2) + epsilon) * weight (Zhang and Sennrich, arXiv:1910.07467)."""

    def linear(self, x: Value, matrix: Matrix, *, bias: Vector | None = None, add: Value | None = None) -> Value:
        """x @ matrix.T, plus the bias, plus `add` (the residual, same shape as the result)."""

    def split(self, x: Value, widths: Sequence[int]) -> list[Value]:
        """Views of x's columns, side by side; the widths sum to x's."""

    def rope(self, x: Value, heads: int, rope: Rope) -> Value:
        """x with each head rotated by its row's position."""

    def attention(self, q: Value, k: Value, v: Value, shape: Attention, *, outputs: bool = False) -> Value:
        """Store k and v at their positions in the cache, then attend: causal, grouped, windowed.

        `outputs`: nothing but `Operations.outputs` of it will be read, so no other row need be right.
        """

    def swiglu(self, gate_up: Value) -> Value:
        """silu(gate) * up, where the left half of the columns is gate and the right half is up."""

    def mixture(
        self, x: Value, router: Vector, gate_up: Sequence[Matrix], down: Sequence[Matrix], *, used: int, add: Value
    ) -> Value:
        """Sparse mixture of experts: softmax over a row's `used` best router scores, those experts' weighted sum.

        `router` is float32 [experts, width]; the result has `add` (the residual) added.
        """

    def outputs(self, x: Value) -> Value:
        """The rows of x that the batch wants logits of. What is computed of them has these rows only."""

    def states(self, x: Value) -> Value:
        """x, rows of `outputs`, as it is; `Program.states` gives it afterwards."""


@dataclass(frozen=True, slots=True)
class CacheShape:
    """The key/value cache of a model: `blocks` blocks of BLOCK positions, in every layer."""

    layers: int
    blocks: int
    kv_heads: int
    head_dim: int


class Program(Protocol):
    """A forward pass, ready to run, and the cache that it reads and writes."""

    answers_apart: bool  # prompts and answers are computed in different precision, see `Batch`

    def __call__(self, batch: Batch) -> NDArray[np.float32]:
        """The result of the forward function, [len(batch.outputs), width]. Valid until the next call."""

    def states(self) -> NDArray[np.float32]:
        """What `Operations.states` was told in the last call, [len(batch.outputs), width]. Valid until the next one."""

    def copy_block(self, source: int, target: int) -> None:
        """Copy all keys and values of one block to another, in every layer (copy on write)."""


class Kernels(Protocol):
    """One way of doing the arithmetic."""

    level: (
        str  # "reference", or the instruction set: "avx512_vnni", "avx2", ...; then "+int8" if the cache is in 8 bits
    )

    def matrix(self, parts: Sequence[Tensor]) -> Matrix:
        """Weights of one linear layer: the parts, each [out_i, in], stacked along out.

        Raises `BadFile`, naming the tensor, for numbers that are not finite.
        """

    def cache_bytes(self, shape: CacheShape) -> int:
        """What a cache of this shape takes."""

    def program(self, forward: Callable[[Operations], Value], cache: CacheShape, max_rows: int) -> Program:
        """Make a forward pass ready for batches of at most `max_rows` rows."""
