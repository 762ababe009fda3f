"""What a sequence's settings do to its answer, one setting at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.engine.fake_model import VOCABULARY, FakeModel, answer, key_of, logits_of, run

from galerne.engine.engine import Engine
from galerne.engine.events import EndReason, TokenEvent
from galerne.engine.request import GenerationRequest, Sampling
from galerne.kernels.batch import Batch

PROMPT = (5, 4, 3, 2, 1)


def first_logits() -> NDArray[np.float32]:
    keys: list[int] = []
    for position, token in enumerate(PROMPT):
        keys.append(key_of(keys[-1] if keys else 0, token, position))
    return logits_of(np.array(keys, np.uint64))


def first_token(sampling: Sampling, **fields: object) -> int:
    request = GenerationRequest("a", PROMPT, 1, sampling, **fields)  # type: ignore[arg-type]
    return run(Engine(FakeModel()), request).tokens["a"][0]


def test_temperature_zero_takes_the_best_token() -> None:
    assert first_token(Sampling(temperature=0)) == first_logits().argmax()


@pytest.mark.parametrize("sampling", [Sampling(top_k=1), Sampling(top_p=0), Sampling(min_p=1), Sampling(1e-3)])
def test_the_tightest_cut_leaves_the_best_token(sampling: Sampling) -> None:
    assert first_token(sampling) == first_logits().argmax()


def test_bias_is_added_to_the_logits() -> None:
    logits = first_logits()
    second, best = (int(token) for token in np.argsort(logits)[-2:])
    gap = float(logits[best] - logits[second])
    assert first_token(Sampling(temperature=0, bias=((second, 0.9 * gap),))) == best
    assert first_token(Sampling(temperature=0, bias=((second, 1.1 * gap),))) == second
    assert first_token(Sampling(temperature=0, bias=((second, 0.6 * gap), (second, 0.6 * gap)))) == second
    assert first_token(Sampling(temperature=0, bias=((best, -100),))) == second
    assert first_token(Sampling(temperature=1, bias=((7, 1e6),))) == 7


def test_a_repetition_penalty_avoids_the_prompt() -> None:
    assert first_token(Sampling(temperature=0, repetition_penalty=1e6)) not in PROMPT


def test_a_presence_penalty_avoids_what_the_answer_said() -> None:
    request = GenerationRequest("a", PROMPT, VOCABULARY, Sampling(temperature=0, presence_penalty=1e6))
    assert sorted(run(Engine(FakeModel()), request).tokens["a"]) == list(range(VOCABULARY))


def test_a_stop_token_ends_the_answer_and_is_not_part_of_it() -> None:
    best = int(first_logits().argmax())
    request = GenerationRequest("a", PROMPT, 5, Sampling(temperature=0), frozenset([best]))
    said = run(Engine(FakeModel()), request)
    assert "a" not in said.tokens
    assert said.ends["a"].reason is EndReason.STOP
    assert said.ends["a"].work.completion_tokens == 1


def test_no_stop_token_before_the_least_length() -> None:
    best = int(first_logits().argmax())
    request = GenerationRequest("a", PROMPT, 5, Sampling(temperature=0), frozenset([best]), min_tokens=1)
    said = run(Engine(FakeModel()), request)
    assert said.tokens["a"] == answer(request)
    assert said.tokens["a"][0] != best


def test_a_request_whose_every_token_is_forbidden_fails_with_a_reason() -> None:
    request = GenerationRequest("a", PROMPT, 5, Sampling(), frozenset(range(VOCABULARY)), min_tokens=1)
    end = run(Engine(FakeModel()), request).ends["a"]
    assert end.reason is EndReason.FAILED
    assert "No token may come next" in (end.error or "")


def test_log_probabilities_are_the_models_own() -> None:
    sampling = Sampling(temperature=0, logprobs=3, bias=((8, 1e6),), top_k=1, presence_penalty=2)
    engine = Engine(FakeModel())
    engine.submit(GenerationRequest("a", PROMPT, 1, sampling))
    event = engine.step()[0]
    expected = torch.log_softmax(torch.from_numpy(first_logits()).double(), 0)
    assert isinstance(event, TokenEvent)
    assert event.token == 8
    assert event.logprob == pytest.approx(float(expected[8]), abs=1e-5)
    assert [token for token, _ in event.top] == torch.topk(expected, 3).indices.tolist()


def test_no_log_probabilities_unless_asked_for() -> None:
    engine = Engine(FakeModel())
    engine.submit(GenerationRequest("a", PROMPT, 1))
    event = engine.step()[0]
    assert isinstance(event, TokenEvent)
    assert (event.logprob, event.top) == (None, ())


class Huge(FakeModel):
    """Finite logits at the very ends of float32."""

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        logits = super().forward(batch)
        logits[:, ::2] = np.finfo(np.float32).min
        logits[:, 1] = np.finfo(np.float32).max
        return logits


@pytest.mark.parametrize(
    "sampling",
    [Sampling(), Sampling(1e-3), Sampling(1e6, repetition_penalty=1e-6), Sampling(top_p=0.5, frequency_penalty=-1e6)],
)
def test_extreme_logits_and_settings_do_not_stop_the_engine(sampling: Sampling) -> None:
    said = run(Engine(Huge()), GenerationRequest("a", (1, 2), 5, sampling))
    assert said.ends["a"].reason in (EndReason.LENGTH, EndReason.FAILED)
