"""On the compiled kernels, a request's tokens and log-probabilities are the same to the last bit, whatever it is
computed beside and however: batched, in pieces, from shared blocks, preempted, guessed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from benchmarks.random_weights import Shape, random_checkpoint
from tests.models.tiny import CONFIGS, Tiny, random_model

from galerne import models
from galerne.engine.draft import DraftModel
from galerne.engine.engine import Engine
from galerne.engine.events import EndReason, TokenEvent
from galerne.engine.limits import EngineLimits
from galerne.engine.lookup import PromptLookup
from galerne.engine.request import GenerationRequest, Sampling
from galerne.engine.speculation import InTurn, Proposer
from galerne.errors import InvalidRequest, PromptTooLong
from galerne.kernels import open_kernels
from galerne.kernels.interface import Kernels
from galerne.models import Model
from galerne.weights import open_checkpoint
from galerne.weights.checkpoint import Checkpoint

VOCABULARY, CONTEXT = 160, 128
BLOCKS, ROWS = 80, 128
OFF = EngineLimits(max_batch_tokens=ROWS, max_running=1, max_waiting=1000, prefix_cache=False, speculation=False)
SMALL = Shape("small", 256, 2, 4, 2, 64, 512, VOCABULARY, tied=True, context=CONTEXT)

Said = dict[str, list[tuple[int, float | None]]]


@pytest.fixture(scope="module")
def kernels(kernels_folder) -> Kernels:
    return open_kernels("auto", threads=2, folder=kernels_folder, cache="int8")


@pytest.fixture(scope="module")
def load(kernels, tmp_path_factory) -> Callable[..., Model]:
    @cache
    def checkpoint(name: str) -> Checkpoint:
        if name.startswith("Q4"):
            return random_checkpoint(SMALL, name)
        return open_checkpoint(Tiny(random_model(CONFIGS[name]()), tmp_path_factory.mktemp(name)).gguf())

    @cache
    def loaded(name: str, blocks: int = BLOCKS) -> Model:
        return models.load(checkpoint(name), kernels, blocks, ROWS)

    return loaded


def requests() -> list[GenerationRequest]:
    """With prompts that share beginnings, of all lengths, and every way of choosing."""
    rng = np.random.default_rng(5)
    common = rng.integers(0, VOCABULARY, 70).tolist()
    samplings = (
        Sampling(temperature=0, logprobs=2),
        Sampling(temperature=0, repetition_penalty=1.3, logprobs=0),
        Sampling(temperature=0.7, seed=1, logprobs=0),
        Sampling(temperature=1.3, top_k=20, top_p=0.8, seed=2, logprobs=0),
        Sampling(temperature=1, min_p=0.1, presence_penalty=0.5, seed=3, logprobs=0),
    )
    asked = []
    for number in range(15):
        prompt = (*common[: 7 * number % 71], *rng.integers(0, VOCABULARY, 1 + 5 * number % 31).tolist())
        tokens = min(10 + 3 * number, CONTEXT - len(prompt))
        tenant = "another" if number % 4 == 3 else ""
        asked.append(GenerationRequest(f"r{number}", prompt, tokens, samplings[number % 5], tenant=tenant))
    quoted = tuple(rng.integers(0, VOCABULARY, 9).tolist()) * 5
    return [*asked, GenerationRequest("quoting", quoted, 60, samplings[0])]


def answers(engine: Engine) -> Said:
    for request in requests():
        engine.submit(request)
    said: Said = {request.id: [] for request in requests()}
    while engine.has_work:
        for event in engine.step():
            if isinstance(event, TokenEvent):
                said[event.id].append((event.token, event.logprob))
            else:
                assert event.reason is EndReason.LENGTH
    return said


@pytest.fixture(scope="module")
def expected(load) -> Callable[[str], Said]:
    """One after the other, each in one piece, with nothing shared and nothing guessed."""
    return cache(lambda name: answers(Engine(load(name), OFF)))


MODES = {
    "batched": replace(OFF, max_running=16),
    "in pieces": replace(OFF, max_batch_tokens=5),
    "batched, in pieces": replace(OFF, max_running=16, max_batch_tokens=19),
    "sharing": replace(OFF, prefix_cache=True),
    "guessing": replace(OFF, speculation=True),
    "everything": replace(OFF, max_running=16, max_batch_tokens=64, prefix_cache=True, speculation=True),
}
NAMES = ("Q4_0", "Q4_K", "mixtral-window")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_changes_an_answer(name: str, mode: str, load, expected) -> None:
    engine = Engine(load(name), MODES[mode])
    assert answers(engine) == expected(name)
    statistics = engine.statistics()
    assert (statistics["cached_tokens"] > 0) == MODES[mode].prefix_cache
    assert (statistics["accepted_tokens"] > 0) == MODES[mode].speculation


@pytest.mark.parametrize("name", NAMES)
def test_preemption_changes_nothing(name: str, load, expected) -> None:
    engine = Engine(load(name, blocks=9), MODES["everything"])
    assert answers(engine) == expected(name)
    assert engine.statistics()["preemptions"] > 0


@pytest.mark.parametrize("draft", ["Q4_0", "Q4_K"])
@pytest.mark.parametrize("lookup", [True, False])
def test_a_draft_model_changes_nothing(draft: str, lookup: bool, load, expected) -> None:
    """The model itself, in 4 bits of the same type, and another one, which is hardly ever right."""
    guessing: Proposer = DraftModel(load(draft, blocks=BLOCKS - 1))
    engine = Engine(
        load("Q4_K"), MODES["everything"], proposer=InTurn(PromptLookup(), guessing) if lookup else guessing
    )
    assert answers(engine) == expected("Q4_K")
    statistics = engine.statistics()
    assert statistics["guessed_tokens"] > 0
    if draft == "Q4_K" and not lookup:
        assert statistics["accepted_tokens"] > statistics["guessed_tokens"] / 2


def test_hostile_requests_leave_the_engine_as_it_was(load, expected) -> None:
    engine = Engine(load("Q4_0", blocks=3), MODES["everything"])
    for hostile, error in (
        (GenerationRequest("none", (), 5), InvalidRequest),
        (GenerationRequest("no answer", (1,), 0), InvalidRequest),
        (GenerationRequest("beyond the cache", (1,) * 90, 20), PromptTooLong),
        (GenerationRequest("beyond the context", (1,) * 90, 90), PromptTooLong),
        (GenerationRequest("no token", (VOCABULARY,), 5), InvalidRequest),
        (GenerationRequest("negative", (-1,), 5), InvalidRequest),
    ):
        with pytest.raises(error):
            engine.submit(hostile)
    engine.submit(GenerationRequest("cancelled", (1, 2), 50))
    engine.step()
    for _ in range(2):
        engine.cancel("cancelled")
    request = requests()[0]
    engine.submit(request)
    events = [event for _ in range(20) for event in engine.step()]
    tokens = [(event.token, event.logprob) for event in events if isinstance(event, TokenEvent)]
    assert tokens == expected("Q4_0")[request.id]
    assert not engine.has_work
    assert engine.statistics()["blocks_held"] == 0
