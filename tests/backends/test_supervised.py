"""The engine in a process of its own: it may be killed, crash or hang, and the server goes on."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio
from tests.backends.worker import COMMAND, CONTEXT, CRASHES, HANGS
from tests.engine.fake_model import answer

from galerne.backends.messages import Load
from galerne.backends.supervised import SupervisedGenerator
from galerne.engine.events import EndEvent, EndReason, Event, TokenEvent
from galerne.engine.request import GenerationRequest, Sampling
from galerne.errors import BadFile, EngineFailed, ModelLoading, PromptTooLong


def supervised(model: str = "fake", hang_seconds: float = 30.0) -> SupervisedGenerator:
    return SupervisedGenerator(
        COMMAND, Load(model, {}), context_length=CONTEXT, hang_seconds=hang_seconds, start_seconds=60
    )


async def until_ready(generator: SupervisedGenerator) -> None:
    async with asyncio.timeout(60):
        while not await generator.ready():
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def generator() -> AsyncGenerator[SupervisedGenerator]:
    supervisor = supervised()
    supervisor.start()
    await until_ready(supervisor)
    yield supervisor
    await supervisor.close()


@pytest.fixture
def many_files() -> Iterator[None]:
    """So many are open that the next one's number is beyond what select(2) can name."""
    files = [os.open(os.devnull, os.O_RDONLY)]
    while files[-1] < 1100:
        files.append(os.open(os.devnull, os.O_RDONLY))
    yield
    for file in files:
        os.close(file)


def ask(id: str = "a", prompt: tuple[int, ...] = (1, 2, 3), tokens: int = 8) -> GenerationRequest:
    return GenerationRequest(id, prompt, tokens, Sampling(seed=1, logprobs=2))


async def follow(generator: SupervisedGenerator, request: GenerationRequest, settled: list[EndEvent]) -> list[int]:
    events = [event async for event in generator.generate(request, settled.append)]
    return [event.token for event in events if isinstance(event, TokenEvent)]


async def drain(events: AsyncGenerator[Event]) -> None:
    async for _ in events:
        pass


@pytest.mark.usefixtures("many_files")
async def test_an_engine_starts_beside_many_open_files() -> None:
    generator = supervised()
    generator.start()
    await until_ready(generator)
    assert await follow(generator, ask(), []) == answer(ask())
    await generator.close()


def worker_of(parent: int) -> int:
    """The process id of the worker that a process started."""
    workers = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            command = status.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and b"tests.backends.worker" in command and fields[0] != "Z":
            workers.append(int(status.parent.name))
    (worker,) = workers
    return worker


async def test_tokens_are_those_of_the_engine(generator: SupervisedGenerator) -> None:
    settled: list[EndEvent] = []
    requests = [ask(id, tokens=20) for id in "abc"]
    answers = await asyncio.gather(*(follow(generator, request, settled) for request in requests))
    assert answers == [answer(request) for request in requests]
    assert sorted(end.id for end in settled) == ["a", "b", "c"]
    assert generator.level == "fake"
    assert generator.statistics()["completion_tokens"] >= 60


async def test_refusals_cross_the_socket_whole(generator: SupervisedGenerator) -> None:
    with pytest.raises(PromptTooLong) as caught:
        await follow(generator, ask(tokens=1000), [])
    assert "1000" in caught.value.message
    assert caught.value.hint is not None


async def test_closing_the_iterator_cancels(generator: SupervisedGenerator) -> None:
    settled: list[EndEvent] = []
    async with aclosing(generator.generate(ask(tokens=500), settled.append)) as events:
        await anext(events)
    async with asyncio.timeout(30):
        while not settled:
            await asyncio.sleep(0.005)
    assert settled[0].reason is EndReason.CANCELLED
    assert generator.statistics()["running"] == 0


async def test_a_killed_worker_fails_open_requests_at_once_and_is_back(
    generator: SupervisedGenerator,
) -> None:
    settled: list[EndEvent] = []
    streams = [generator.generate(ask(id, tokens=500), settled.append) for id in "ab"]
    for stream in streams:
        await anext(stream)
    os.kill(worker_of(os.getpid()), signal.SIGKILL)
    for stream in streams:
        with pytest.raises(EngineFailed, match="signal 9"):
            await asyncio.wait_for(drain(stream), 30)
    assert [end.reason for end in settled] == [EndReason.FAILED, EndReason.FAILED]
    assert all(end.work.completion_tokens >= 1 for end in settled)  # what is known to have been computed
    with pytest.raises(ModelLoading) as caught:
        await follow(generator, ask("meanwhile"), [])
    assert caught.value.retry_after > 0
    await until_ready(generator)
    assert await follow(generator, ask("after"), []) == answer(ask())
    assert generator.statistics()["restarts"] == 1


async def test_a_crash_in_the_engine_is_survived(generator: SupervisedGenerator) -> None:
    with pytest.raises(EngineFailed, match="status 3"):
        await follow(generator, ask(prompt=(CRASHES,)), [])
    await until_ready(generator)
    assert await follow(generator, ask("after"), []) == answer(ask())


async def test_a_hang_is_noticed() -> None:
    supervisor = supervised(hang_seconds=0.4)
    supervisor.start()
    await until_ready(supervisor)
    hung = worker_of(os.getpid())
    with pytest.raises(EngineFailed, match="said nothing"):
        await asyncio.wait_for(follow(supervisor, ask(prompt=(HANGS,)), []), 30)
    await until_ready(supervisor)
    assert worker_of(os.getpid()) != hung
    await supervisor.close()


async def test_an_idle_worker_is_not_taken_for_a_hanging_one() -> None:
    supervisor = supervised(hang_seconds=0.2)
    supervisor.start()
    await until_ready(supervisor)
    await asyncio.sleep(0.6)
    assert await follow(supervisor, ask(), []) == answer(ask())
    assert supervisor.statistics()["restarts"] == 0
    await supervisor.close()


async def test_a_model_that_cannot_be_loaded_is_never_ready_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    supervisor = supervised("damaged")
    supervisor.start()
    async with asyncio.timeout(30):
        while "is damaged" not in caplog.text:
            await asyncio.sleep(0.02)
    with pytest.raises(BadFile, match="is damaged"):
        await supervisor.begun()
    assert supervisor.failure == "damaged: is damaged."
    assert not supervisor.is_ready
    assert not await supervisor.ready()
    with pytest.raises(ModelLoading, match="damaged"):
        await follow(supervisor, ask(), [])
    await supervisor.close()


async def test_what_the_worker_prints_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    supervisor = supervised()
    supervisor.start()
    await until_ready(supervisor)
    await supervisor.close()
    assert "loaded fake" in caplog.text


async def test_it_is_idle_when_the_last_request_has_ended(generator: SupervisedGenerator) -> None:
    await generator.begun()
    await generator.until_idle(60)  # there is none
    settled: list[EndEvent] = []
    answers = [asyncio.create_task(follow(generator, ask(id, tokens=20), settled)) for id in "ab"]
    await asyncio.sleep(0)
    assert generator.statistics()["open"] == 2
    assert generator.statistics()["resident_bytes"] > 1_000_000
    await generator.until_idle(60)
    assert len(settled) == 2
    await asyncio.gather(*answers)
    endless = generator.generate(ask("c", tokens=500), settled.append)
    await anext(endless)
    await generator.until_idle(0.01)
    assert len(settled) == 2
    await endless.aclose()


async def test_engines_die_alone() -> None:
    first, second = supervised(), supervised()
    first.start()
    await first.begun()
    victim = worker_of(os.getpid())
    second.start()
    await second.begun()
    streams = [generator.generate(ask(tokens=500), lambda _: None) for generator in (first, second)]
    for stream in streams:
        await anext(stream)
    os.kill(victim, signal.SIGKILL)
    with pytest.raises(EngineFailed):
        await drain(streams[0])
    await anext(streams[1])
    assert second.statistics()["restarts"] == 0
    assert second.failure is None
    await streams[1].aclose()
    await asyncio.gather(first.close(), second.close())


async def test_whoever_comes_after_the_end_is_told_so() -> None:
    supervisor = supervised()
    supervisor.start()
    await supervisor.begun()
    await supervisor.close()
    with pytest.raises(ModelLoading, match="was unloaded"):
        await follow(supervisor, ask(), [])
    assert supervisor.statistics()["resident_bytes"] == 0


async def test_close_ends_open_requests_and_the_worker(generator: SupervisedGenerator) -> None:
    settled: list[EndEvent] = []
    events = generator.generate(ask(tokens=500), settled.append)
    await anext(events)
    await generator.close()
    assert [end.reason for end in settled] == [EndReason.CANCELLED]
    with pytest.raises(ValueError, match="not enough values"):
        worker_of(os.getpid())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_worker_dies_with_its_server(how: signal.Signals) -> None:
    program = """
import asyncio
from tests.backends.test_supervised import supervised, until_ready
async def main():
    supervisor = supervised()
    supervisor.start()
    await until_ready(supervisor)
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        worker = worker_of(server.pid)
        server.send_signal(how)
        server.wait(10)
        for _ in range(500):
            if not _lives(worker):
                break
            signal.sigtimedwait([], 0.01)
        assert not _lives(worker)


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
