"""A client that leaves: generation stops within a step, and what was generated is told to the meter just once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from tests.api.client import Client, Exchange
from tests.api.house import CHAT, House, metric, question
from tests.engine.fake_model import VOCABULARY, FakeModel
from tests.flows.fakes import ByteTokenizer, served

from galerne.api.application import create_app
from galerne.backends.native import NativeGenerator
from galerne.engine.engine import Engine
from galerne.engine.limits import EngineLimits
from galerne.flows.served import ServedModels
from galerne.identity.caller import Everyone
from galerne.kernels.batch import Batch
from galerne.settings import Settings

LEFT = 'galerne_http_requests_total{method="POST",route="/v1/chat/completions",status="499"}'
CANCELLED = 'galerne_answers_total{model="fake",reason="cancelled"}'
COMPLETION = 'galerne_tokens_total{kind="completion",model="fake"}'


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("given", [0, 3])
@pytest.mark.parametrize("n", [1, 3])
async def test_leaving_stops_every_choice(stream: bool, given: int, n: int) -> None:
    house = House(hangs_after=given)
    exchange = house.open(stream=stream, n=n)
    while len(house.generator.running) < n:
        await asyncio.sleep(0)
    for _ in range(given * n if stream else 0):
        await exchange.piece()
    await exchange.leave()
    assert house.generator.running == set()
    assert await metric(house.client, CANCELLED) == n
    assert await metric(house.client, COMPLETION) == given * n


async def test_leaving_before_the_first_piece_stands_in_the_log_as_such() -> None:
    house = House(hangs_after=0)
    exchanges = [house.open(stream=stream) for stream in (False, True)]
    while len(house.generator.running) < 2:
        await asyncio.sleep(0)
    for exchange in exchanges:
        await exchange.leave()
    assert await metric(house.client, LEFT) == 2


async def test_one_that_leaves_does_not_disturb_the_others() -> None:
    house = House(lambda request: bytes(request.prompt) * 20)
    leaves, stays = house.open("a", stream=True), house.open("b", stream=True)
    await leaves.piece()
    await leaves.leave()
    answer = await stays.answer()
    assert answer.events[-1]["choices"][0]["finish_reason"] == "stop"
    assert answer.events[-1]["usage"]["completion_tokens"] == 20


class SteppedModel(FakeModel):
    """Makes a step when the test lets it, and counts the tokens that its steps gave."""

    def __init__(self) -> None:
        super().__init__()
        self.permits = threading.Semaphore(0)
        self.given = 0

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        self.permits.acquire()
        logits = super().forward(batch)
        self.given += len(batch.outputs)
        return logits


class EndlessTokenizer(ByteTokenizer):
    """Of a model that never stops by itself."""

    vocabulary_size = VOCABULARY
    stop_tokens: frozenset[int] = frozenset()


class SteppedHouse:
    """The application over a true engine."""

    def __init__(self) -> None:
        self.model = SteppedModel()
        engine = Engine(self.model, EngineLimits(speculation=False))  # one token a step
        self.generator = NativeGenerator(engine, self.model.context_length, "fake")
        model = replace(served(self.generator).find("fake"), tokenizer=EndlessTokenizer())
        self.client = Client(create_app(ServedModels([model], {}), Everyone(), Settings()))

    def ask(self, **fields: Any) -> Exchange:
        return self.client.send(CHAT, question("!#%", **fields))  # tokens that the model has

    async def step_to(self, tokens: int) -> None:
        """Let the engine go on until it has given so many."""
        async with asyncio.timeout(30):
            while (given := self.model.given) < tokens:
                self.model.permits.release()
                while self.model.given == given:
                    await asyncio.sleep(0.0005)

    async def settle(self, answers: int) -> None:
        """Let the step under way come to its end, and wait for what is told to the meter."""
        self.model.permits.release()
        async with asyncio.timeout(30):
            while await metric(self.client, CANCELLED) < answers:
                await asyncio.sleep(0.001)
        self.model.permits.acquire(blocking=False)


@pytest_asyncio.fixture
async def house() -> AsyncGenerator[SteppedHouse]:
    house = SteppedHouse()
    yield house
    house.model.permits.release(1000)
    await house.generator.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_cut_after_each_of_the_first_50_tokens_the_meter_is_told_just_what_was_generated(
    house: SteppedHouse, stream: bool
) -> None:
    for tokens in range(1, 51):
        before = house.model.given
        exchange = house.ask(stream=stream, seed=tokens)
        for token in range(tokens):
            await house.step_to(before + token + 1)
            if stream:
                await exchange.piece()
        await exchange.leave()
        await house.settle(answers=tokens)  # as many as were cut so far: each is told once
        assert house.model.given - before in (tokens, tokens + 1)
        assert await metric(house.client, COMPLETION) == house.model.given


async def test_cut_while_many_choices_are_written(house: SteppedHouse) -> None:
    exchange = house.ask(stream=True, n=4)
    await house.step_to(20)
    for _ in range(12):
        await exchange.piece()
    await exchange.leave()
    await house.settle(answers=4)
    assert await metric(house.client, COMPLETION) == house.model.given <= 24


async def test_after_all_of_that_the_engine_is_as_it_was(house: SteppedHouse) -> None:
    for cut in range(1, 6):
        exchange = house.ask(stream=True)
        await house.step_to(house.model.given + cut)
        await exchange.leave()
        await house.settle(answers=cut)
    house.model.permits.release(20)
    assert (await house.ask(max_tokens=20).answer()).json()["usage"]["completion_tokens"] == 20
    assert await metric(house.client, 'galerne_engine_running{model="fake"}') == 0
