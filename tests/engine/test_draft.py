"""A draft model changes how many steps an answer takes, and nothing else; it may be wrong, fail, and lack room."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engine.fake_model import VOCABULARY, FakeModel, answer, run
from tests.engine.test_distribution import critical_value

from galerne.engine.draft import CATCH_UP, PATIENCE, DraftModel
from galerne.engine.engine import Engine
from galerne.engine.limits import EngineLimits
from galerne.engine.lookup import PromptLookup
from galerne.engine.request import GenerationRequest, Sampling
from galerne.engine.speculation import InTurn
from galerne.kernels.batch import Batch

SAMPLINGS = (
    Sampling(temperature=0),
    Sampling(temperature=0.8, seed=3),
    Sampling(temperature=1.5, top_k=9, top_p=0.9, seed=4),
    Sampling(temperature=1.0, min_p=0.05, seed=5),
)


class Vague(FakeModel):
    """Says what the fake model says, or nearly."""

    def __init__(self, *arguments: int, noise: float = 1.0) -> None:
        super().__init__(*arguments)
        self._noise = noise
        self._rng = np.random.default_rng(1)

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        logits = super().forward(batch)
        return logits + self._noise * self._rng.standard_normal(logits.shape, np.float32)


def requests(count: int = 8, prompt: int = 30, max_tokens: int = 40) -> list[GenerationRequest]:
    rng = np.random.default_rng(2)
    return [
        GenerationRequest(
            f"r{n}",
            tuple(rng.integers(0, VOCABULARY, prompt + n).tolist()),
            max_tokens + n,
            SAMPLINGS[n % len(SAMPLINGS)],
            frozenset([n]),
            n,
        )
        for n in range(count)
    ]


def assert_right(engine: Engine, asked: list[GenerationRequest]) -> None:
    said = run(engine, *asked)
    assert [said.tokens.get(each.id, []) for each in asked] == [answer(each) for each in asked]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_draft_that_is_the_model_itself_is_right_at_any_temperature(sampling: Sampling) -> None:
    model, draft = FakeModel(), DraftModel(FakeModel())
    request = GenerationRequest("a", (1, 2, 3), 101, sampling)
    engine = Engine(model, proposer=draft)
    assert_right(engine, [request])
    statistics = engine.statistics()
    assert statistics["accepted_tokens"] == statistics["guessed_tokens"] > 80
    assert len(model.rows) < 20
    assert draft.blocks_held == 0


@pytest.mark.parametrize("noise", [0.3, 2, 100])
@pytest.mark.parametrize("blocks", [64, 9])
def test_a_wrong_draft_changes_nothing(noise: float, blocks: int) -> None:
    draft = DraftModel(Vague(blocks, noise=noise))
    engine = Engine(FakeModel(blocks), proposer=draft)
    assert_right(engine, requests())
    assert 0 < engine.statistics()["accepted_tokens"] < engine.statistics()["guessed_tokens"]
    assert draft.blocks_held == 0


def test_a_draft_with_a_smaller_cache_guesses_for_those_that_fit() -> None:
    draft = DraftModel(FakeModel(blocks=4))
    engine = Engine(FakeModel(), proposer=draft)
    assert_right(engine, requests())
    assert engine.statistics()["accepted_tokens"] > 0
    assert draft.blocks_held == 0


def test_a_draft_with_a_shorter_context_guesses_as_far_as_it_goes() -> None:
    model = FakeModel()
    engine = Engine(model, proposer=DraftModel(FakeModel(context_length=64)))
    assert_right(engine, [GenerationRequest("a", (1, 2, 3) * 10, 100, Sampling(temperature=0))])
    assert 20 < engine.statistics()["accepted_tokens"] <= 34


def test_a_draft_that_lacks_some_tokens_is_not_asked_about_them() -> None:
    class Smaller(FakeModel):
        def forward(self, batch: Batch) -> NDArray[np.float32]:
            assert batch.tokens.max() < self.vocabulary
            return super().forward(batch)[:, : self.vocabulary]

    draft = Smaller()
    draft.vocabulary = VOCABULARY - 1
    engine = Engine(FakeModel(), proposer=DraftModel(draft))
    assert_right(engine, requests())
    assert_right(engine, [GenerationRequest("last", (1, VOCABULARY - 1), 20, Sampling(temperature=0))])
    assert draft.rows


def test_memory_of_a_preempted_request_is_free_in_the_draft_too() -> None:
    draft = DraftModel(FakeModel(blocks=12))
    engine = Engine(FakeModel(blocks=12), proposer=draft)
    asked = requests(6, prompt=40, max_tokens=90)
    for each in asked:
        engine.submit(each)
    while engine.has_work:
        engine.step()
        held = sum(len(copy.text.table) for copy in draft._copies.values())
        assert set(draft._copies) <= set(engine._scheduler.running)
        assert draft.blocks_held <= held
    assert engine.statistics()["preemptions"] > 0
    assert draft.blocks_held == 0


def test_a_long_prompt_is_read_by_and_by_and_once() -> None:
    small = FakeModel(blocks=64, context_length=1024)
    engine = Engine(FakeModel(blocks=64, max_rows=512, context_length=1024), proposer=DraftModel(small))
    prompt = tuple(np.random.default_rng(3).integers(0, VOCABULARY, 600).tolist())
    assert_right(engine, [GenerationRequest("a", prompt, 40, Sampling(temperature=0))])
    assert max(small.rows) == CATCH_UP
    read = sum(small.rows)
    assert_right(engine, [GenerationRequest("b", (*prompt[:500], 5), 40, Sampling(temperature=0))])
    assert sum(small.rows) - read < 100


class Failing(FakeModel):
    """Fails at some of its steps."""

    def __init__(self, fails: frozenset[int]) -> None:
        super().__init__()
        self._fails = fails

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        logits = super().forward(batch)
        if len(self.rows) in self._fails:
            raise ArithmeticError("no guess today")
        return logits


@pytest.mark.parametrize("step", [1, 2, 3, 10])
def test_a_draft_that_fails_once_goes_on(step: int, caplog: pytest.LogCaptureFixture) -> None:
    small = Failing(frozenset([step]))
    draft = DraftModel(small)
    engine = Engine(FakeModel(), proposer=draft)
    assert_right(engine, requests())
    assert "no guess today" in caplog.text
    assert len(small.rows) > step
    assert engine.statistics()["accepted_tokens"] > 0
    assert draft.blocks_held == 0


def test_a_draft_that_always_fails_is_not_asked_again() -> None:
    small = Failing(frozenset(range(1000)))
    draft = DraftModel(small)
    assert_right(Engine(FakeModel(), proposer=draft), requests())
    assert len(small.rows) == PATIENCE
    assert draft.blocks_held == 0


def test_a_draft_that_computes_nonsense_guesses_nothing() -> None:
    class Broken(FakeModel):
        def forward(self, batch: Batch) -> NDArray[np.float32]:
            return super().forward(batch) * np.float32(np.nan)

    engine = Engine(FakeModel(), proposer=DraftModel(Broken()))
    assert_right(engine, requests())
    assert engine.statistics()["guessed_tokens"] == 0


def test_what_can_be_looked_up_is_not_drafted() -> None:
    small = FakeModel()
    text = (1, 2, 3, 4, 5, 6, 7, 8) * 10
    engine = Engine(FakeModel(), proposer=InTurn(PromptLookup(), DraftModel(small)))
    assert_right(engine, [GenerationRequest("a", text, 2, Sampling(temperature=0)), *requests()])
    assert small.rows
    assert engine.statistics()["accepted_tokens"] > 0


class Markov(FakeModel):
    """The next token depends on the last one alone, so that the chance of every answer is known."""

    def __init__(self, chances: list[list[float]]) -> None:
        super().__init__(blocks=400)
        self.chances = np.array(chances)

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        logits = np.full((len(batch.outputs), VOCABULARY), -np.inf, np.float32)
        logits[:, :3] = np.log(self.chances[batch.tokens[batch.outputs]])
        return logits


def test_drafted_answers_are_distributed_as_the_model_says() -> None:
    model = Markov([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.05, 0.9, 0.05]])
    draft = Markov([[0.4, 0.3, 0.3], [0.3, 0.5, 0.2], [0.3, 0.4, 0.3]])
    limits = EngineLimits(max_running=4, max_waiting=10_000)
    engine = Engine(model, limits, proposer=DraftModel(draft))
    count, length = 3000, 4
    said = run(engine, *(GenerationRequest(f"{n}", (0,), length, Sampling(seed=n)) for n in range(count)))
    statistics = engine.statistics()
    assert count / 4 < statistics["accepted_tokens"] < statistics["guessed_tokens"]
    seen = dict.fromkeys(product(range(3), repeat=length), 0)
    for tokens in said.tokens.values():
        seen[tuple(tokens)] += 1
    statistic = 0.0
    for tokens, times in seen.items():
        expected = count * np.prod([model.chances[before, after] for before, after in pairwise((0, *tokens))])
        statistic += (times - expected) ** 2 / expected
    assert statistic < critical_value(len(seen) - 1)
