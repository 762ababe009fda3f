"""Texts whose hidden state is wanted, beside requests that generate."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engine.fake_model import FakeModel, answer, run, state

from galerne.engine.engine import Engine
from galerne.engine.events import EndReason
from galerne.engine.limits import EngineLimits
from galerne.engine.request import GenerationRequest, Sampling


def text(id: str, tokens: tuple[int, ...], tenant: str = "") -> GenerationRequest:
    return GenerationRequest(id, tokens, 1, Sampling(temperature=0), tenant=tenant, embeds=True)


def test_the_state_behind_the_last_token() -> None:
    said = run(Engine(FakeModel()), text("a", (1, 2, 3)), text("b", (7,)))
    assert said.vectors == {"a": tuple(state((1, 2, 3))), "b": tuple(state((7,)))}
    assert said.tokens == {}
    end = said.ends["a"]
    assert (end.reason, end.work.prompt_tokens, end.work.completion_tokens) == (EndReason.STOP, 3, 0)


@pytest.mark.parametrize("speculation", [False, True])
def test_texts_and_answers_do_not_disturb_each_other(speculation: bool) -> None:
    rng = np.random.default_rng(3)
    texts = [text(f"text-{n}", tuple(rng.integers(0, 40, rng.integers(1, 200)).tolist())) for n in range(12)]
    asked = [GenerationRequest(f"ask-{n}", (1, 2, 3, n), 40, Sampling(0.8, seed=n)) for n in range(6)]
    limits = EngineLimits(max_batch_tokens=48, speculation=speculation)
    mixed = [each for pair in zip(texts, asked * 2, strict=True) for each in pair]
    requests = list({each.id: each for each in mixed}.values())
    said = run(Engine(FakeModel(blocks=24), limits), *requests)
    assert said.vectors == {each.id: tuple(state(each.prompt)) for each in texts}
    assert said.tokens == {each.id: answer(each) for each in asked}


def test_texts_with_one_beginning_share_it() -> None:
    engine = Engine(FakeModel())
    beginning = tuple(range(30)) * 5
    run(engine, text("a", (*beginning, 1)))
    said = run(engine, text("b", (*beginning, 2)), text("c", (*beginning, 2), tenant="another"))
    assert said.vectors["b"] == said.vectors["c"] == tuple(state((*beginning, 2)))
    assert said.ends["b"].work.cached_tokens > 100
    assert said.ends["c"].work.cached_tokens == 0


class DamagedModel(FakeModel):
    def final_states(self) -> NDArray[np.float32]:
        return np.full_like(super().final_states(), np.nan)


def test_what_is_not_a_number_fails_its_request_alone() -> None:
    asked = GenerationRequest("ask", (1, 2, 3), 5, Sampling(seed=1))
    said = run(Engine(DamagedModel()), text("a", (1, 2, 3)), asked)
    assert said.ends["a"].reason is EndReason.FAILED
    assert "not a number" in (said.ends["a"].error or "")
    assert said.tokens["ask"] == answer(asked)
