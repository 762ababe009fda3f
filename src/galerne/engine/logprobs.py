"""Log-probabilities of the model's own distribution: before temperature, penalties and cuts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from galerne.engine.distribution import best


def logprobs(logits: NDArray[np.float32], token: int, count: int) -> tuple[float, tuple[tuple[int, float], ...]]:
    """The natural logarithm of `token`'s probability, and the `count` best tokens with theirs, best first."""
    peak = logits.max()
    normaliser = float(peak) + float(np.log(np.exp(logits - peak).sum(dtype=np.float64)))
    tokens = best(logits, count) if count else ()
    return float(logits[token]) - normaliser, tuple((int(each), float(logits[each]) - normaliser) for each in tokens)
