"""Looking up what followed before: what is found, and that it pays where an answer quotes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engine.fake_model import VOCABULARY, FakeModel, answer, run

from galerne.engine.engine import Engine
from galerne.engine.limits import EngineLimits
from galerne.engine.lookup import PromptLookup
from galerne.engine.request import GenerationRequest, Sampling
from galerne.engine.sequence import Sequence
from galerne.errors import InvalidRequest
from galerne.kernels.batch import Batch


class Quoting(FakeModel):
    """Says its prompt again, from the third token on."""

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        logits = super().forward(batch)
        for index, row in enumerate(batch.outputs):
            logits[index, self.text[(batch.positions[row] + 3) % len(self.text)]] += 100
        return logits

    text = tuple(np.random.Generator(np.random.Philox(3)).integers(0, VOCABULARY, 120).tolist())


def test_an_answer_that_quotes_takes_few_steps() -> None:
    steps = {}
    tokens = {}
    for speculation in (True, False):
        model = Quoting()
        engine = Engine(model, EngineLimits(speculation=speculation))
        request = GenerationRequest("a", Quoting.text, 100, Sampling(temperature=0))
        tokens[speculation] = run(engine, request).tokens["a"]
        steps[speculation] = len(model.rows)
    assert tokens[True] == tokens[False] == [Quoting.text[(122 + index) % 120] for index in range(100)]
    assert steps[False] == 100
    assert steps[True] < 20


def test_an_answer_that_never_repeats_is_hardly_slowed_down() -> None:
    model = FakeModel()
    request = GenerationRequest("a", Quoting.text, 300, Sampling(temperature=3, seed=1))
    engine = Engine(model)
    run(engine, request)
    assert engine.statistics()["guessed_tokens"] < 300 / 4


def test_lookup_goes_on_where_the_longest_match_did() -> None:
    lookup = PromptLookup()
    text = (1, 2, 3, 4, 5, 9, 2, 3, 4, 6, 9, 1, 2, 3, 4)
    sequence = Sequence(GenerationRequest("a", text, 10), 0, 0.0, np.random.default_rng())
    assert lookup.propose([sequence], 3)[sequence] == (5, 9, 2)


def test_lookup_goes_round_in_a_loop() -> None:
    lookup = PromptLookup()
    sequence = Sequence(GenerationRequest("a", (7, 1, 2, 1, 2), 10), 0, 0.0, np.random.default_rng())
    guess = lookup.propose([sequence], 4)[sequence]
    assert guess == (1, 2, 1, 2)[: len(guess)]
    assert len(guess) > 1


def test_lookup_finds_nothing_in_a_short_or_new_text() -> None:
    lookup = PromptLookup()
    for text in ((1,), (1, 2), (1, 2, 3)):
        sequence = Sequence(GenerationRequest("a", text, 10), 0, 0.0, np.random.default_rng())
        assert lookup.propose([sequence], 4) == {}


def test_what_is_expected_is_guessed_from_the_beginning() -> None:
    lookup = PromptLookup()
    request = GenerationRequest("a", (1, 2, 3), 10, expected=(7, 8, 9, 10, 11))
    sequence = Sequence(request, 0, 0.0, np.random.default_rng())
    assert lookup.propose([sequence], 2)[sequence] == (7, 8)
    sequence.tokens += [7, 8, 5, 9, 10]  # one word is another than was expected
    assert lookup.propose([sequence], 2)[sequence] == (11, 1)


def test_an_answer_that_was_expected_takes_few_steps_and_stays_the_same() -> None:
    request = GenerationRequest("a", (1, 2, 3), 100, Sampling(temperature=0.7, seed=3))
    said = answer(request)
    slow, quick, misled = FakeModel(), FakeModel(), FakeModel()
    assert run(Engine(slow), request).tokens["a"] == said
    assert run(Engine(quick), replace(request, expected=tuple(said))).tokens["a"] == said
    assert run(Engine(misled), replace(request, expected=tuple(reversed(said)))).tokens["a"] == said
    assert len(quick.rows) < len(slow.rows) / 3


def test_what_is_expected_must_be_tokens() -> None:
    with pytest.raises(InvalidRequest):
        Engine(FakeModel()).submit(GenerationRequest("a", (1,), 2, expected=(VOCABULARY,)))
