"""Stored numbers -> float32. The arithmetic of each type is `gguf.quants`', the reference of the format."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from galerne.weights.kinds import BY_NAME

CHUNK = 1 << 16
"""Elements that are turned at once, so that a large tensor needs no second copy of itself."""


def dequantise(data: NDArray[np.uint8], kind_name: str) -> NDArray[np.float32]:
    """The numbers in these bytes, one after another: a read-only view where they are float32, else a new array."""
    kind = BY_NAME[kind_name]
    if kind.name == "F32":
        return np.require(data.view(np.float32), requirements="A")

    from gguf import GGMLQuantizationType, quants  # slow to import, and a float32 file does without

    number = GGMLQuantizationType(kind.number)
    blocks = data.reshape(-1, kind.size)
    numbers = np.empty((len(blocks), kind.elements), np.float32)
    step = max(1, CHUNK // kind.elements)
    with np.errstate(all="ignore"):  # a scale may be infinite or not a number: then so is the weight
        for start in range(0, len(blocks), step):
            row = blocks[start : start + step].reshape(1, -1)  # one long row: gguf works through 16 rows at a time
            numbers[start : start + step] = quants.dequantize(row, number).reshape(-1, kind.elements)
    return numbers.reshape(-1)
