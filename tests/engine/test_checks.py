"""Hostile requests are refused before they cost anything."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from tests.engine.fake_model import VOCABULARY, FakeModel, run

from galerne.engine.engine import Engine
from galerne.engine.request import GenerationRequest, Sampling
from galerne.errors import InvalidRequest, PromptTooLong

GOOD = GenerationRequest("a", (1, 2, 3), 4)

BAD_SAMPLING = {
    "temperature": [-1.0, math.nan, math.inf, 1e-30],
    "top_k": [-1],
    "top_p": [-0.1, 1.1, math.nan],
    "min_p": [-0.1, 1.1, math.nan],
    "presence_penalty": [math.nan, math.inf, -math.inf, 1e30],
    "frequency_penalty": [math.nan, math.inf, -math.inf, 1e30],
    "repetition_penalty": [0.0, -1.0, math.nan, math.inf, 1e-30],
    "logprobs": [-1, VOCABULARY + 1],
    "bias": [((0, math.nan),), ((0, math.inf),), ((0, -math.inf),), ((-1, 0.0),), ((VOCABULARY, 0.0),)],
}

BAD_REQUEST = {
    "prompt": [(), (-1,), (VOCABULARY,), (1, 2**40)],
    "max_tokens": [0, -1],
    "min_tokens": [-1],
    "stop_tokens": [frozenset([-1]), frozenset([VOCABULARY])],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in BAD_SAMPLING for value in BAD_SAMPLING[field]]
)
def test_sampling_out_of_range_is_refused(field: str, value: object) -> None:
    engine = Engine(FakeModel())
    with pytest.raises(InvalidRequest) as error:
        engine.submit(replace(GOOD, sampling=replace(Sampling(), **{field: value})))
    assert error.value.where in (field, "tokens")
    assert not engine.has_work


@pytest.mark.parametrize(("field", "value"), [(field, each) for field in BAD_REQUEST for each in BAD_REQUEST[field]])
def test_requests_out_of_range_are_refused(field: str, value: object) -> None:
    engine = Engine(FakeModel())
    with pytest.raises(InvalidRequest):
        engine.submit(replace(GOOD, **{field: value}))  # type: ignore[arg-type]
    assert not engine.has_work


@pytest.mark.parametrize("max_tokens", [10**6, 10**30])
def test_an_absurd_length_is_refused_without_reserving_it(max_tokens: int) -> None:
    with pytest.raises(PromptTooLong):
        Engine(FakeModel()).submit(replace(GOOD, max_tokens=max_tokens))


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(top_k=10**30),
        Sampling(temperature=1e6),
        Sampling(repetition_penalty=1e-6, presence_penalty=-1e6, frequency_penalty=-1e6),
        Sampling(logprobs=VOCABULARY),
        Sampling(bias=tuple((token, 1e6) for token in range(VOCABULARY))),
        Sampling(top_p=0.0, min_p=1.0),
    ],
)
def test_odd_but_possible_requests_are_answered(sampling: Sampling) -> None:
    assert len(run(Engine(FakeModel()), replace(GOOD, sampling=sampling)).tokens["a"]) == 4


def test_more_least_tokens_than_tokens_end_at_the_length() -> None:
    request = replace(GOOD, min_tokens=10**9, stop_tokens=frozenset(range(VOCABULARY - 1)))
    assert run(Engine(FakeModel()), request).tokens["a"] == [VOCABULARY - 1] * 4
