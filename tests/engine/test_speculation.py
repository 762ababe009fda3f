"""Guessing changes how many steps an answer takes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise, product

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engine.fake_model import VOCABULARY, FakeModel, answer, run
from tests.engine.test_distribution import critical_value

from galerne.engine.engine import Engine
from galerne.engine.limits import EngineLimits
from galerne.engine.request import GenerationRequest, Sampling
from galerne.engine.sequence import Sequence
from galerne.engine.speculation import Guess
from galerne.kernels.batch import Batch


class Guessing:
    """Proposes what it is told, right or wrong."""

    def __init__(self, wrong: float) -> None:
        self._wrong = wrong
        self._rng = np.random.Generator(np.random.Philox(7))
        self.released: list[str] = []

    def propose(self, sequences: Iterable[Sequence], most: int) -> Mapping[Sequence, Guess]:
        guesses = {}
        for sequence in sequences:
            request = sequence.request
            text = [*request.prompt, *answer(request), *[0] * most]
            right = np.array(text[len(sequence.tokens) :][:most])
            noise = self._rng.random(right.size) < self._wrong
            guesses[sequence] = tuple(np.where(noise, (right + 1) % VOCABULARY, right).tolist())
        return guesses

    def release(self, sequence: Sequence) -> None:
        self.released.append(sequence.request.id)


@pytest.mark.parametrize("wrong", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("blocks", [64, 9])
def test_right_and_wrong_guesses_give_the_same_answer(wrong: float, blocks: int) -> None:
    requests = [
        GenerationRequest(f"r{n}", (n, 1, 2) * 10, 20 + 9 * n, Sampling(n % 3 / 2, seed=n), frozenset([n]), n)
        for n in range(6)
    ]
    model = FakeModel(blocks)
    proposer = Guessing(wrong)
    engine = Engine(model, proposer=proposer)
    said = run(engine, *requests)
    assert [said.tokens.get(each.id, []) for each in requests] == [answer(each) for each in requests]
    statistics = engine.statistics()
    assert statistics["guessed_tokens"] > 0
    assert (statistics["accepted_tokens"] > 0) == (wrong < 1)
    assert sorted(proposer.released) == [each.id for each in requests]


def test_accepted_tokens_are_not_computed_again() -> None:
    model = FakeModel()
    request = GenerationRequest("a", (1, 2, 3), 101, Sampling(temperature=0))
    engine = Engine(model, proposer=Guessing(0))
    run(engine, request)
    assert sum(model.rows) == len(request.prompt) + 100
    assert len(model.rows) == 2 + 100 // 32  # a token comes with the prompt, and the others 32 at a time


def test_guesses_do_not_reach_beyond_the_answer() -> None:
    request = GenerationRequest("a", (1,) * 33, 32, Sampling(temperature=0))
    model = FakeModel(blocks=2, context_length=65)
    assert run(Engine(model, proposer=Guessing(0)), request).tokens["a"] == answer(request)


class Markov(FakeModel):
    """The next token depends on the last one alone, so that the chance of every answer is known."""

    chances = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.05, 0.9, 0.05]])

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        logits = np.full((len(batch.outputs), VOCABULARY), -np.inf, np.float32)
        logits[:, :3] = np.log(self.chances[batch.tokens[batch.outputs]])
        return logits


def test_guessed_answers_are_distributed_as_the_model_says() -> None:
    engine = Engine(Markov(blocks=400), EngineLimits(max_running=4, max_waiting=10_000))
    prompt = (0, 1, 2, 1, 0, 0, 1)  # what stood after (0, 1) is guessed first
    count, length = 3000, 4
    said = run(engine, *(GenerationRequest(f"{n}", prompt, length, Sampling(seed=n)) for n in range(count)))
    assert engine.statistics()["accepted_tokens"] > count / 4
    seen = dict.fromkeys(product(range(3), repeat=length), 0)
    for tokens in said.tokens.values():
        seen[tuple(tokens)] += 1
    statistic = 0.0
    for tokens, times in seen.items():
        path = (prompt[-1], *tokens)
        expected = count * np.prod([Markov.chances[before, after] for before, after in pairwise(path)])
        statistic += (times - expected) ** 2 / expected
    assert statistic < critical_value(len(seen) - 1)
