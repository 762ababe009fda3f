"""Driving a model the way the engine does: sequences in pieces, side by side, over scattered blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.batch import BLOCK, Batch
from galerne.models import Model


def run_steps(
    model: Model, sequences: Sequence[Sequence[int]], steps: Sequence[Sequence[int]] | None = None
) -> list[NDArray[np.float32]]:
    """Logits of all positions of all sequences, their blocks scattered over the cache.

    Each step says how many tokens of each sequence are computed together; None: all in one step.
    """
    steps = steps or [[len(sequence) for sequence in sequences]]
    scattered = np.random.default_rng(7).permutation(model.blocks).astype(np.int32)
    tables = np.array_split(scattered, len(sequences))
    done = [0] * len(sequences)
    results: list[list[NDArray[np.float32]]] = [[] for _ in sequences]
    for step in steps:
        taking = [s for s, count in enumerate(step) if count]
        spans = [(done[s], done[s] + step[s]) for s in taking]
        counts = [last - first for first, last in spans]
        batch = Batch(
            tokens=np.concatenate(
                [sequences[s][first:last] for s, (first, last) in zip(taking, spans, strict=True)]
            ).astype(np.int32),
            positions=np.concatenate([np.arange(first, last) for first, last in spans]).astype(np.int32),
            starts=np.cumsum([0, *counts]).astype(np.int32),
            lengths=np.array([last for _, last in spans], np.int32),
            blocks=np.stack([tables[s][: model.blocks // len(sequences)] for s in taking]),
            outputs=np.arange(sum(counts), dtype=np.int32),
        )
        parts = np.split(model.forward(batch).copy(), np.cumsum(counts)[:-1])
        for s, part, (_, last) in zip(taking, parts, spans, strict=True):
            results[s].append(part)
            done[s] = last
    assert done == [len(sequence) for sequence in sequences]
    assert all(len(sequence) <= len(tables[0]) * BLOCK for sequence in sequences)
    return [np.concatenate(parts) for parts in results]
