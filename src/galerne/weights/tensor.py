"""A tensor as it lies in a file: still in the file's own type, memory-mapped until somebody needs its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from galerne.weights.dequantise import dequantise


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named tensor. Its file sets every field, after checking that `data` has just the bytes that `shape` needs."""

    name: str
    shape: tuple[int, ...]  # row-major, as numpy says it: a linear layer is (out, in)
    kind: str  # GGML's name of the type: "F32", "F16", "BF16", "Q4_1", "Q4_K", ...
    data: NDArray[np.uint8]  # [bytes] a view of the mapped file

    @property
    def elements(self) -> int:
        return prod(self.shape)

    def float32(self) -> NDArray[np.float32]:
        """The numbers, dequantised, [*shape]. A new array (or a view, where the file holds float32)."""
        return dequantise(self.data, self.kind).reshape(self.shape)

    def __getitem__(self, index: int) -> Tensor:
        """One slice along the first axis (an expert of a stack), without copying."""
        size = self.data.size // self.shape[0]
        return Tensor(f"{self.name}[{index}]", self.shape[1:], self.kind, self.data[index * size : (index + 1) * size])
