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
from galerne.errors import InvalidRequest


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

    def permits(self, token: int) -> bool:
        return bool(self.allowed()[token >> 5] >> (token & 31) & 1)

    def advance(self, token: int) -> None:
        self.told.append(token)


@pytest.mark.parametrize("temperature", [0, 1.5])
def test_answers_keep_to_their_grammar_with_guesses_too(temperature: float) -> None:
    mask = Alternating()
    engine = Engine(FakeModel(), compile_grammar=lambda _: mask)
    request = GenerationRequest("a", (1, 2, 3) * 9, 300, Sampling(temperature, seed=4), grammar="alternating")
    tokens = run(engine, request).tokens["a"]
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
def test_a_broken_grammar_ends_its_request_alone(mask: type[Alternating], reason: str) -> None:
    engine = Engine(FakeModel(), compile_grammar=lambda _: mask())
    bad = GenerationRequest("bad", (1, 2, 3), 10, grammar="broken")
    said = run(engine, bad, GenerationRequest("good", (1, 2, 3), 10))
    assert said.ends["bad"].reason is EndReason.REFUSED
    assert reason in (said.ends["bad"].error or "")
    assert said.ends["good"].reason is EndReason.LENGTH


class Only(Alternating):
    """The grammar is complete: the stop token is the only one left."""

    def allowed(self) -> np.ndarray:
        return words({0} if self.told else {7})


def test_a_complete_grammar_ends_the_answer_before_min_tokens() -> None:
    engine = Engine(FakeModel(), compile_grammar=lambda _: Only())
    request = GenerationRequest("a", (1, 2, 3), 10, stop_tokens=frozenset({0}), min_tokens=5, grammar="short")
    said = run(engine, request)
    assert said.tokens["a"] == [7]
    assert said.ends["a"].reason is EndReason.STOP


def test_max_tokens_cut_an_answer_whose_grammar_is_not_complete() -> None:
    engine = Engine(FakeModel(), compile_grammar=lambda _: Alternating())
    request = GenerationRequest("a", (1, 2, 3), 4, Sampling(0), stop_tokens=frozenset({0}), grammar="alternating")
    said = run(engine, request)
    assert said.ends["a"].reason is EndReason.LENGTH


def test_an_engine_without_grammars_refuses_them() -> None:
    engine = Engine(FakeModel())
    with pytest.raises(InvalidRequest, match="no grammars"):
        engine.submit(GenerationRequest("a", (1, 2, 3), 4, grammar="alternating"))
    assert not engine.has_work
