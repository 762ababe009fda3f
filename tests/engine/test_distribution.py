"""Cuts agree with an independent implementation, draws with the probabilities that they are drawn from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from galerne.engine.distribution import FIRST_LOOK, distribution, draw, largest
from galerne.engine.request import Sampling

Logits = NDArray[np.float32]


def random_logits(size: int, seed: int = 0, spread: float = 3) -> Logits:
    return np.random.Generator(np.random.Philox(seed)).standard_normal(size, np.float32) * np.float32(spread)


def probabilities(logits: Logits, sampling: Sampling) -> NDArray[np.float64]:
    tokens, weights = distribution(logits, sampling)
    result = np.zeros(logits.size)
    result[slice(None) if tokens is None else tokens] = weights / weights.sum(dtype=np.float64)
    return result


def expected(logits: Logits, sampling: Sampling) -> NDArray[np.float64]:
    """The same by transformers, in its order: temperature, top-k, top-p, min-p."""
    warpers = LogitsProcessorList([TemperatureLogitsWarper(sampling.temperature)])
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    if sampling.min_p:
        warpers.append(MinPLogitsWarper(sampling.min_p))
    scores = warpers(torch.zeros((1, 1), dtype=torch.long), torch.from_numpy(logits)[None].double())
    return torch.softmax(scores, dim=-1)[0].numpy()


@pytest.mark.parametrize("size", [2, 50, 5000])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("cuts", [(0, 1, 0), (3, 1, 0), (0, 0.9, 0), (0, 0.99999, 0), (0, 1, 0.1), (40, 0.8, 0.05)])
def test_cuts_agree_with_transformers(size: int, temperature: float, cuts: tuple[int, float, float]) -> None:
    sampling = Sampling(temperature, *cuts)
    for seed in range(5):
        logits = random_logits(size, seed)
        np.testing.assert_allclose(probabilities(logits, sampling), expected(logits, sampling), rtol=2e-5, atol=1e-9)


def test_a_nucleus_wider_than_the_first_look_is_found() -> None:
    logits = random_logits(20 * FIRST_LOOK, spread=0.1)
    sampling = Sampling(top_p=0.5)
    kept = np.count_nonzero(probabilities(logits, sampling))
    assert kept > FIRST_LOOK
    assert abs(kept - np.count_nonzero(expected(logits, sampling))) <= 1  # the last one is a matter of rounding


@pytest.mark.parametrize("sampling", [Sampling(top_k=2), Sampling(top_p=0.5), Sampling(top_k=3, top_p=0.6)])
def test_of_equal_tokens_those_with_the_lowest_ids_stay(sampling: Sampling) -> None:
    tokens, _ = distribution(np.zeros(4, np.float32), sampling)
    assert tokens is not None
    assert tokens.tolist() == [0, 1]


@given(arrays(np.float32, st.integers(1, 60), elements=st.integers(-4, 4).map(float)), st.integers(1, 70))
def test_largest_is_what_sorting_gives(values: Logits, count: int) -> None:
    order = sorted(range(values.size), key=lambda place: (-values[place], place))
    assert largest(values, count).tolist() == sorted(order[:count])


@given(
    arrays(np.float32, st.integers(1, 700), elements=st.sampled_from([0.0, 1.0, -2.0, 30.0, -90.0, -np.inf])),
    st.one_of(st.floats(0, 1, exclude_max=True), st.sampled_from([0.0, np.nextafter(1, 0)])),
    st.builds(
        Sampling,
        temperature=st.sampled_from([1e-3, 0.5, 1.0, 1e6]),
        top_k=st.integers(0, 800),
        top_p=st.sampled_from([0.0, 1e-9, 0.3, 1 - 1e-16, 1.0]),
        min_p=st.sampled_from([0.0, 0.2, 1.0]),
    ),
)
def test_a_token_of_no_probability_is_never_drawn(logits: Logits, uniform: float, sampling: Sampling) -> None:
    if not np.isfinite(logits.max()):
        return
    with np.errstate(over="ignore"):
        token = draw(logits, sampling, uniform)
        assert probabilities(logits, sampling)[token] > 0
    assert np.isfinite(logits[token])


@pytest.mark.parametrize("size", [7, 300, 3000])
@pytest.mark.parametrize("sampling", [Sampling(0.8), Sampling(1.5, top_k=6), Sampling(top_p=0.7), Sampling(min_p=0.2)])
def test_draws_are_inversions_of_the_running_sum(size: int, sampling: Sampling) -> None:
    logits = random_logits(size)
    chances = expected(logits, sampling)
    edges = np.concatenate([[0], np.cumsum(chances)])
    for token in np.flatnonzero(chances > 1e-5):
        middle = (edges[token] + edges[token + 1]) / 2
        assert draw(logits, sampling, float(middle)) == token


@pytest.mark.parametrize("sampling", [Sampling(1.3), Sampling(0.7, top_k=5, top_p=0.95, min_p=0.01)])
def test_frequencies_agree_with_the_probabilities(sampling: Sampling) -> None:
    logits = random_logits(30, spread=1)
    rng = np.random.Generator(np.random.Philox(1))
    count = 20_000
    seen = np.bincount([draw(logits, sampling, rng.random()) for _ in range(count)], minlength=logits.size)
    chances = expected(logits, sampling)
    assert not seen[chances == 0].any()
    chances, seen = chances[chances > 0], seen[chances > 0]
    statistic = ((seen - count * chances) ** 2 / (count * chances)).sum()
    assert statistic < critical_value(len(chances) - 1)


def critical_value(freedom: int) -> float:
    """Of chi-square, exceeded once in a thousand times (Wilson and Hilferty, 1931)."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + 3.09 * part**0.5) ** 3)
