"""The distribution that the next token is drawn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from galerne.engine.request import Sampling

FIRST_LOOK = 512
"""Largest weights among which a nucleus is looked for, before all of them are sorted."""

CHUNK = 256
"""Weights that are summed up before the token is looked for among them."""

Tokens = NDArray[np.intp]
Weights = NDArray[np.float32]


def draw(logits: NDArray[np.float32], sampling: Sampling, uniform: float) -> int:
    """The token at `uniform` in [0, 1) of the distribution, by inversion. The largest of `logits` is finite."""
    tokens, weights = distribution(logits, sampling)
    place = _invert(weights, uniform)
    return place if tokens is None else int(tokens[place])


def distribution(logits: NDArray[np.float32], sampling: Sampling) -> tuple[Tokens | None, Weights]:
    """The tokens that are left, ascending (None: all), and their weights, of which the largest is 1.

    Temperature first; then top-k, top-p (Holtzman et al., arXiv:1904.09751) of what top-k leaves, and min-p (Nguyen et
    al., arXiv:2407.01082). Where equal ones are cut apart, those with the lowest ids stay.
    """
    weights = logits - logits.max()
    weights *= np.float32(1 / sampling.temperature)
    np.exp(weights, out=weights)
    tokens = None
    if 0 < sampling.top_k < weights.size:
        tokens = largest(weights, sampling.top_k)
        weights = weights[tokens]
    if sampling.top_p < 1:
        kept = largest(weights, _nucleus(weights, sampling.top_p))
        weights = weights[kept]
        tokens = kept if tokens is None else tokens[kept]
    if sampling.min_p > 0:
        kept = np.flatnonzero(weights >= np.float32(sampling.min_p))
        weights = weights[kept]
        tokens = kept if tokens is None else tokens[kept]
    return tokens, weights


def largest(values: NDArray[np.float32], count: int) -> Tokens:
    """Where the `count` largest values are, ascending; of equal ones the first."""
    if count >= values.size:
        return np.arange(values.size)
    least = np.partition(values, values.size - count)[values.size - count]
    places = np.flatnonzero(values >= least)
    if places.size > count:
        equal = np.flatnonzero(values[places] == least)
        places = np.delete(places, equal[count - places.size :])
    return places


def _nucleus(weights: Weights, top_p: float) -> int:
    """How many of the largest weights are at least top_p of the sum of all."""
    wanted = top_p * weights.sum(dtype=np.float64)
    best = weights
    if weights.size > FIRST_LOOK:
        best = np.partition(weights, weights.size - FIRST_LOOK)[-FIRST_LOOK:]
        if best.sum(dtype=np.float64) < wanted:
            best = weights
    cumulative = np.cumsum(np.sort(best)[::-1], dtype=np.float64)
    return int(np.searchsorted(cumulative, wanted)) + 1


def _invert(weights: Weights, uniform: float) -> int:
    """The place where the running sum of the weights passes `uniform` of the whole; never one of weight 0."""
    sums = np.cumsum(np.add.reduceat(weights, np.arange(0, weights.size, CHUNK), dtype=np.float64))
    chunk = _passes(sums, uniform * sums[-1])
    before = float(sums[chunk - 1]) if chunk else 0.0
    inside = np.cumsum(weights[chunk * CHUNK : (chunk + 1) * CHUNK], dtype=np.float64)
    return chunk * CHUNK + _passes(inside, uniform * sums[-1] - before)


def _passes(cumulative: NDArray[np.float64], value: float) -> int:
    """The first place where it is above `value`, which a rounding error may have carried out of its bounds."""
    return int(np.searchsorted(cumulative, min(max(value, 0.0), np.nextafter(cumulative[-1], 0)), side="right"))
