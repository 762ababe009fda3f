"""Log-probabilities of the model's own distribution: before temperature, penalties and cuts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from galerne.engine.distribution import largest


@np.errstate(over="ignore", invalid="ignore")
def logprobs(logits: NDArray[np.float32], token: int, count: int) -> tuple[float, tuple[tuple[int, float], ...]]:
    """The natural logarithm of `token`'s probability, and the `count` best tokens with theirs, best first."""
    peak = logits.max()
    normaliser = float(peak) + float(np.log(np.exp(logits - peak).sum(dtype=np.float64)))
    tokens = largest(logits, count) if count else np.empty(0, np.intp)
    tokens = tokens[np.argsort(-logits[tokens], kind="stable")]
    return float(logits[token]) - normaliser, tuple((int(each), float(logits[each]) - normaliser) for each in tokens)
