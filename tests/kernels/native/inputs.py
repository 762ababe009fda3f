"""Random weights in every type of tensor, and batches over scattered blocks."""

from __future__ import annotations

from collections.abc import Sequence

import gguf
import numpy as np
from numpy.typing import NDArray

from galerne.kernels.batch import BLOCK, Batch
from galerne.weights.kinds import BY_NAME
from galerne.weights.tensor import Tensor

RANDOM = np.random.default_rng()
"""Set anew for every test, by conftest."""

SCALES = {"Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,), "Q4_K": (0, 2), "Q5_K": (0, 2)}
"""Where the float16 numbers lie in a block of these types."""


def floats(*shape: int) -> NDArray[np.float32]:
    return RANDOM.standard_normal(shape, np.float32)


def stored(values: NDArray[np.float32], kind: str = "F32", name: str = "weights") -> Tensor:
    """A tensor that holds these numbers, as well as its type can."""
    data = gguf.quantize(values, gguf.GGMLQuantizationType[kind])
    return Tensor(name, values.shape, kind, np.ascontiguousarray(data).reshape(-1).view(np.uint8))


def weights(outputs: int, inputs: int, kind: str = "F32") -> Tensor:
    """Random weights of about the size that real ones have."""
    if kind in ("F32", "F16", "BF16"):
        return stored(floats(outputs, inputs) * np.float32(0.05), kind)
    blocks = _random_blocks(outputs, inputs, kind)
    for place in SCALES.get(kind, ()):
        small = RANDOM.uniform(1e-4, 2e-2, len(blocks)).astype(np.float16)
        blocks[:, place : place + 2] = small.view(np.uint8).reshape(-1, 2)
    return _without_nonsense(Tensor("weights", (outputs, inputs), kind, blocks.reshape(-1)))


def any_weights(outputs: int, inputs: int, kind: str) -> Tensor:
    """Random bytes: scales of any size and sign."""
    if kind == "F32":
        return weights(outputs, inputs, kind)
    data = _random_blocks(outputs, inputs, kind).reshape(-1)
    return _without_nonsense(Tensor("weights", (outputs, inputs), kind, data))


def _random_blocks(outputs: int, inputs: int, kind: str) -> NDArray[np.uint8]:
    layout = BY_NAME[kind]
    return RANDOM.integers(0, 256, (outputs * inputs // layout.elements, layout.size), np.uint8)


def _without_nonsense(tensor: Tensor) -> Tensor:
    """Zeros instead of blocks with numbers that are not finite, or absurd."""
    layout = BY_NAME[tensor.kind]
    with np.errstate(all="ignore"):
        numbers = tensor.float32().reshape(-1, layout.elements)
        wrong = ~(np.abs(numbers) < 1e6).all(axis=1)
    tensor.data.reshape(-1, layout.size)[wrong] = 0
    return tensor


def batch(
    *spans: tuple[int, int],
    blocks: int = 4,
    outputs: Sequence[int] | None = None,
    tokens: Sequence[int] | None = None,
    answers: int | None = None,
    seed: int = 5,
) -> Batch:
    """Sequences that go on with `count` rows from position `first`, for each span (first, count).

    Each owns as many blocks as the cache of `blocks` has for it, in no order (the same for each `seed`).
    """
    counts = [count for _, count in spans]
    rows = sum(counts)
    scattered = np.random.default_rng(seed).permutation(blocks)[: blocks // len(spans) * len(spans)]
    assert max(first + count for first, count in spans) <= blocks // len(spans) * BLOCK
    return Batch(
        tokens=np.array(range(rows) if tokens is None else tokens, np.int32),
        positions=np.concatenate([np.arange(first, first + count) for first, count in spans]).astype(np.int32),
        starts=np.cumsum([0, *counts]).astype(np.int32),
        lengths=np.array([first + count for first, count in spans], np.int32),
        blocks=scattered.reshape(len(spans), -1).astype(np.int32),
        outputs=np.array(range(rows) if outputs is None else outputs, np.int32),
        answers=answers,
    )
