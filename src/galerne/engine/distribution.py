"""The distribution that the next token is drawn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from galerne.engine.request import Sampling

FIRST_LOOK = 128
"""Best tokens among which a nucleus is looked for; where they don't hold it, all are sorted."""

Tokens = NDArray[np.intp]
Logits = NDArray[np.float32]


def draw(logits: Logits, sampling: Sampling, uniform: float) -> int:
    """The token at `uniform` in [0, 1) of the distribution, by inversion. The largest of `logits` is finite."""
    tokens, weights = distribution(logits, sampling)
    cumulative = np.cumsum(weights, dtype=np.float64)
    total = cumulative[-1]
    place = np.searchsorted(cumulative, min(uniform * total, np.nextafter(total, 0)), side="right")
    return int(place if tokens is None else tokens[place])


def distribution(logits: Logits, sampling: Sampling) -> tuple[Tokens | None, Logits]:
    """The tokens that are left (None: all) and their weights: temperature, then top-k, top-p (Holtzman et al.,
    arXiv:1904.09751) of what top-k leaves, min-p (Nguyen et al., arXiv:2407.01082). Of equal logits the lowest id is
    kept."""
    scaled = (logits - logits.max()) * np.float32(1 / sampling.temperature)
    size = logits.size
    if not 0 < sampling.top_k < size and sampling.top_p >= 1:
        weights = np.exp(scaled, out=scaled)
        if sampling.min_p <= 0:
            return None, weights
        tokens = np.flatnonzero(weights >= sampling.min_p)
        return tokens, weights[tokens]
    if 0 < sampling.top_k < size:
        tokens = best(scaled, sampling.top_k)
        weights = np.exp(scaled[tokens])
        total = weights.sum(dtype=np.float64)
    else:
        tokens = best(scaled, FIRST_LOOK)
        weights = np.exp(scaled[tokens])
        total = np.exp(scaled).sum(dtype=np.float64)
    if sampling.top_p < 1:
        cumulative = np.cumsum(weights, dtype=np.float64)
        if cumulative[-1] < sampling.top_p * total:
            tokens = best(scaled, size)
            weights = np.exp(scaled[tokens])
            cumulative = np.cumsum(weights, dtype=np.float64)
        kept = int(np.searchsorted(cumulative, sampling.top_p * total)) + 1
        tokens, weights = tokens[:kept], weights[:kept]
    if sampling.min_p > 0:
        kept = int(np.count_nonzero(weights >= sampling.min_p))
        tokens, weights = tokens[:kept], weights[:kept]
    return tokens, weights


def best(logits: Logits, count: int) -> Tokens:
    """The `count` tokens with the largest logits, best first; of equal ones those with the lowest ids."""
    size = logits.size
    if count < size:
        least = np.partition(logits, size - count)[size - count]
        tokens = np.flatnonzero(logits >= least)
        if tokens.size > count:
            larger = logits[tokens] > least
            equal = tokens[~larger][: count - np.count_nonzero(larger)]
            tokens = np.union1d(tokens[larger], equal)
    else:
        tokens = np.arange(size)
    return tokens[np.argsort(-logits[tokens], kind="stable")]
