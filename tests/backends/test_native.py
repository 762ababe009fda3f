"""The engine in a thread, behind the port `Generator`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from tests.engine.fake_model import FakeModel, answer

from galerne.backends.native import NativeGenerator
from galerne.engine.engine import Engine
from galerne.engine.events import EndEvent, EndReason, TokenEvent
from galerne.engine.limits import EngineLimits
from galerne.engine.mask import TokenMask
from galerne.engine.request import GenerationRequest, Sampling
from galerne.errors import BadGrammar, EngineFailed, InvalidRequest, PromptTooLong, QueueFull
from galerne.kernels.batch import Batch


class SlowModel(FakeModel):
    def forward(self, batch: Batch) -> NDArray[np.float32]:
        time.sleep(0.005)
        return super().forward(batch)


class BrokenModel(FakeModel):
    def forward(self, batch: Batch) -> NDArray[np.float32]:  # noqa: ARG002
        raise ArithmeticError("a broken unit")


@pytest_asyncio.fixture
async def generator() -> AsyncGenerator[NativeGenerator]:
    native = NativeGenerator(Engine(SlowModel(), EngineLimits(max_running=2, max_waiting=1)), 512, "fake")
    yield native
    await native.close()


def ask(id: str = "a", tokens: int = 8, seed: int = 1) -> GenerationRequest:
    return GenerationRequest(id, (1, 2, 3), tokens, Sampling(seed=seed))


async def follow(generator: NativeGenerator, request: GenerationRequest) -> tuple[list[int], list[EndEvent]]:
    """The tokens, and all that was settled."""
    settled: list[EndEvent] = []
    events = [event async for event in generator.generate(request, settled.append)]
    assert events[-1] is settled[0]
    return [event.token for event in events if isinstance(event, TokenEvent)], settled


async def idle(generator: NativeGenerator) -> None:
    async with asyncio.timeout(30):
        while generator.statistics()["running"] or generator.statistics()["waiting"]:
            await asyncio.sleep(0.005)


async def test_tokens_are_those_of_the_engine(generator: NativeGenerator) -> None:
    tokens, settled = await follow(generator, ask())
    assert tokens == answer(ask())
    assert [end.reason for end in settled] == [EndReason.LENGTH]
    assert settled[0].work.completion_tokens == 8


async def test_requests_run_at_the_same_time(generator: NativeGenerator) -> None:
    requests = [ask(id, seed=seed) for seed, id in enumerate("abc")]
    answers = await asyncio.gather(*(follow(generator, request) for request in requests))
    assert [tokens for tokens, _ in answers] == [answer(request) for request in requests]


async def test_closing_the_iterator_cancels_and_settles(generator: NativeGenerator) -> None:
    settled: list[EndEvent] = []
    async with aclosing(generator.generate(ask(tokens=400), settled.append)) as events:
        await anext(events)
    await idle(generator)
    await asyncio.sleep(0)
    assert [end.reason for end in settled] == [EndReason.CANCELLED]
    assert 1 <= settled[0].work.completion_tokens < 100


async def test_cancel_lets_the_iterator_go_on_to_the_end(generator: NativeGenerator) -> None:
    settled: list[EndEvent] = []
    events = generator.generate(ask(tokens=400), settled.append)
    await anext(events)
    generator.cancel("a")
    generator.cancel("a")
    rest = [event async for event in events]
    assert isinstance(rest[-1], EndEvent)
    assert rest[-1].reason is EndReason.CANCELLED
    assert settled == [rest[-1]]


async def test_refusals_reach_the_caller_and_settle_nothing(generator: NativeGenerator) -> None:
    settled: list[EndEvent] = []
    with pytest.raises(PromptTooLong, match="512"):
        await anext(generator.generate(ask(tokens=600), settled.append))
    running = [generator.generate(ask(f"r{number}", tokens=400), settled.append) for number in range(3)]
    for events in running[:2]:
        await anext(events)
    waiting = asyncio.ensure_future(anext(running[2]))
    await asyncio.sleep(0.05)
    with pytest.raises(QueueFull):
        await anext(generator.generate(ask("one too many"), settled.append))
    assert settled == []
    waiting.cancel()
    for events in running[:2]:
        await events.aclose()


async def test_one_id_at_a_time(generator: NativeGenerator) -> None:
    async with aclosing(generator.generate(ask(tokens=100), lambda _: None)) as events:
        await anext(events)
        with pytest.raises(InvalidRequest, match="under way"):
            await anext(generator.generate(ask(), lambda _: None))


async def test_a_failing_model_fails_the_request_then_the_generator() -> None:
    native = NativeGenerator(Engine(BrokenModel()), 512, "fake")
    assert not await native.ready()
    settled: list[EndEvent] = []
    for _ in range(5):
        with pytest.raises(EngineFailed):
            await anext(native.generate(ask(), settled.append))
    assert {end.reason for end in settled} == {EndReason.FAILED}
    await native.close()


async def test_a_grammar_that_cannot_be_followed_is_the_requests_own_fault() -> None:
    def compile_grammar(grammar: str) -> TokenMask:
        raise BadGrammar(f"{grammar} is none.")

    native = NativeGenerator(Engine(FakeModel(), compile_grammar=compile_grammar), 512, "fake")
    settled: list[EndEvent] = []
    with pytest.raises(BadGrammar, match="nonsense is none"):
        await anext(native.generate(replace(ask(), grammar="nonsense"), settled.append))
    assert [end.reason for end in settled] == [EndReason.REFUSED]
    assert await native.ready()
    await native.close()


async def test_ready_means_that_a_token_came_out(generator: NativeGenerator) -> None:
    assert generator.statistics()["completion_tokens"] == 0
    assert await generator.ready()
    await idle(generator)
    assert generator.statistics()["completion_tokens"] == 1


async def test_close_ends_what_is_open_as_cancelled() -> None:
    native = NativeGenerator(Engine(SlowModel()), 512, "fake")
    settled: list[EndEvent] = []
    events = native.generate(ask(tokens=400), settled.append)
    await anext(events)
    await native.close()
    rest = [event async for event in events]
    assert isinstance(rest[-1], EndEvent)
    assert [end.reason for end in settled] == [EndReason.CANCELLED]
    with pytest.raises(EngineFailed, match="stopping"):
        await anext(native.generate(ask("late"), settled.append))


async def test_an_idle_engine_uses_no_cpu(generator: NativeGenerator) -> None:
    await follow(generator, ask())
    began = time.process_time()
    await asyncio.sleep(0.5)
    assert time.process_time() - began < 0.1
