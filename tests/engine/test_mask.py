from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.fake_model import VOCABULARY, FakeModel, run

from galerne.engine.engine import Engine
from galerne.engine.events import EndReason
from galerne.engine.mask import forbid
from galerne.engine.request import GenerationRequest, Sampling


def words(allowed: set[int], size: int = VOCABULARY) -> np.ndarray:
    mask = np.zeros(-(-size // 32), np.uint32)
    for token in allowed:
        mask[token // 32] |= np.uint32(1 << token % 32)
    return mask.view(np.int32)


@given(st.integers(1, 100).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1)))))
def test_what_is_not_allowed_is_impossible(case: tuple[int, set[int]]) -> None:
    size, allowed = case
    logits = np.arange(size, dtype=np.float32)
    forbid(logits, words(allowed, size))
    assert set(np.flatnonzero(np.isfinite(logits))) == allowed
    assert all(logits[token] == token for token in allowed)


class Alternating:
    """Even and odd tokens in turn: the mask must be asked and told in step with the answer."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def allowed(self) -> np.ndarray:
        return words({token for token in range(VOCABULARY) if token % 2 == len(self.told) % 2})

    def advance(self, token: int) -> None:
        self.told.append(token)


@pytest.mark.parametrize("temperature", [0, 1.5])
def test_answers_keep_to_their_grammar_with_guesses_too(temperature: float) -> None:
    engine = Engine(FakeModel())
    mask = Alternating()
    engine.submit(GenerationRequest("a", (1, 2, 3) * 9, 300, Sampling(temperature, seed=4)), mask)
    tokens = run(engine).tokens["a"]
    assert [token % 2 for token in tokens] == [place % 2 for place in range(300)]
    assert mask.told == tokens
    assert engine.statistics()["guessed_tokens"] > 0


class Nothing(Alternating):
    def allowed(self) -> np.ndarray:
        return words(set())


class BreaksWhenAsked(Alternating):
    def allowed(self) -> np.ndarray:
        raise ValueError("grammar out of order")


class BreaksWhenTold(Alternating):
    def advance(self, token: int) -> None:
        raise ValueError(f"grammar out of order at {token}")


@pytest.mark.parametrize(
    ("mask", "reason"),
    [(Nothing, "No token may come next"), (BreaksWhenAsked, "out of order"), (BreaksWhenTold, "out of order")],
)
def test_a_broken_grammar_fails_its_request_alone(mask: type[Alternating], reason: str) -> None:
    engine = Engine(FakeModel())
    engine.submit(GenerationRequest("bad", (1, 2, 3), 10), mask())
    said = run(engine, GenerationRequest("good", (1, 2, 3), 10))
    assert said.ends["bad"].reason is EndReason.FAILED
    assert reason in (said.ends["bad"].error or "")
    assert said.ends["good"].reason is EndReason.LENGTH
