"""Vectors by way of an engine: in this process and in one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
import pytest
import pytest_asyncio
from tests.backends.bill import Bills
from tests.backends.worker import COMMAND, CONTEXT
from tests.engine.fake_model import VOCABULARY, FakeModel, state
from tests.flows.fakes import ByteTokenizer

from galerne.backends.generator import Generator
from galerne.backends.messages import Load
from galerne.backends.native import NativeGenerator
from galerne.backends.pooled import PooledEmbedder
from galerne.backends.supervised import SupervisedGenerator
from galerne.engine.engine import Engine
from galerne.engine.events import EndReason
from galerne.engine.limits import EngineLimits
from galerne.engine.request import Priority
from galerne.errors import EngineFailed, InvalidRequest, QueueFull

NOW = Priority.INTERACTIVE
TEXTS = [[1, 2, 3], [7], [1, 2, 3, 4] * 20]


@pytest_asyncio.fixture(params=["thread", "process"])
async def generator(request: pytest.FixtureRequest) -> AsyncGenerator[Generator]:
    if request.param == "thread":
        native = NativeGenerator(Engine(FakeModel()), CONTEXT, "fake")
        yield native
        await native.close()
        return
    supervised = SupervisedGenerator(
        COMMAND, Load("fake", {}), context_length=CONTEXT, hang_seconds=30, start_seconds=60
    )
    supervised.start()
    async with asyncio.timeout(60):
        while not await supervised.ready():
            await asyncio.sleep(0.05)
    yield supervised
    await supervised.close()


def embedder(generator: Generator) -> PooledEmbedder:
    return PooledEmbedder(generator, ByteTokenizer(), VOCABULARY)


async def test_the_states_at_length_1(generator: Generator) -> None:
    bills = Bills()
    vectors = await embedder(generator).embed("a", TEXTS, "town-hall", NOW, bills)
    states = np.array([state(text) for text in TEXTS])
    np.testing.assert_allclose(vectors, states / np.linalg.norm(states, axis=1, keepdims=True), rtol=1e-5)
    assert sorted(bills.ids) == ["a-0", "a-1", "a-2"]
    assert sum(end.work.prompt_tokens for end in bills.ends) == 84
    assert {end.reason for end in bills.ends} == {EndReason.STOP}


async def test_many_texts_of_one_request_do_not_fill_the_queue() -> None:
    native = NativeGenerator(Engine(FakeModel(), EngineLimits(max_running=4, max_waiting=4)), CONTEXT, "fake")
    vectors = await embedder(native).embed("a", [[number % 40, 5] for number in range(100)], "", NOW, Bills())
    assert vectors.shape == (100, VOCABULARY)
    await native.close()


async def test_a_text_may_fill_the_context(generator: Generator) -> None:
    pooled = embedder(generator)
    assert (await pooled.embed("a", [[1] * pooled.context_length], "", NOW, Bills())).shape == (1, VOCABULARY)


async def test_a_refusal_leaves_no_bill_open(generator: Generator) -> None:
    bills = Bills()
    with pytest.raises(InvalidRequest, match="40 tokens"):
        await embedder(generator).embed("a", [[1], [999], [2]], "", NOW, bills)
    async with asyncio.timeout(30):
        while bills.open:
            await asyncio.sleep(0.01)
    assert "a-1" not in bills.ids


async def test_no_room() -> None:
    native = NativeGenerator(Engine(FakeModel(), EngineLimits(max_running=1, max_waiting=0)), CONTEXT, "fake")
    with pytest.raises(QueueFull):
        await embedder(native).embed("a", [[1] * 400, [2] * 400], "", NOW, Bills())
    await native.close()


async def test_cancelled_it_is_settled(generator: Generator) -> None:
    bills = Bills()
    work = asyncio.create_task(embedder(generator).embed("a", [[n % 40] * 500 for n in range(30)], "", NOW, bills))
    while not bills.open:
        await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    async with asyncio.timeout(30):
        while bills.open:
            await asyncio.sleep(0.01)
    assert len(bills.ends) < 30


async def test_a_model_that_is_being_stopped() -> None:
    native = NativeGenerator(Engine(FakeModel()), CONTEXT, "fake")
    await native.close()
    with pytest.raises(EngineFailed):
        await embedder(native).embed("a", [[1]], "", NOW, Bills())
