"""Models come and go while the server runs: no answer is lost, no engine is forgotten, and it is told what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.flows.fakes import ScriptedEngine, ScriptedGenerator, opened, served
from tests.weights.test_catalogue import VALID

from galerne.engine.events import EndEvent, EndReason, TokenEvent
from galerne.engine.request import GenerationRequest
from galerne.errors import BadFile, Busy, MemoryFull, ModelNotFound, ModelNotLoaded
from galerne.flows import loading as flow
from galerne.flows.loading import Loading, OpenedModel
from galerne.identity.caller import Caller
from galerne.ledger.audit import Action, Event, Result
from galerne.settings import Settings
from galerne.weights.catalogue import Entry
from galerne.weights.store import Manifest, Store

CALLER = Caller("town", user="anna")


class Shop:
    """A server with one model, and two more on its machine: `first` and `second`."""

    def __init__(self, folder: Path, open: Callable[[str], OpenedModel] | None = None, **settings: Any) -> None:
        self.store = Store(folder)
        for name in ("first", "second"):
            entry = Entry(**VALID | {"name": name}, size=1000)
            self.store.keep(name, None, Manifest(entry=entry, sha256="a" * 64, size=1000, file=str(folder)))
        self.engines: list[ScriptedEngine] = []
        self.events: list[Event] = []
        self.models = served(ScriptedGenerator(lambda _: b""), is_here=self.store.__contains__)
        settings = {"models_dir": folder, "aliases": {"alias": "first"}} | settings
        self.loading = Loading(self.models, open or self.open, self, Settings(**settings))  # type: ignore[arg-type]
        self._loop = asyncio.get_running_loop()

    def open(self, name: str) -> OpenedModel:
        return asyncio.run_coroutine_threadsafe(self._open(name), self._loop).result()

    async def _open(self, name: str) -> OpenedModel:
        self.engines.append(ScriptedEngine(lambda _: b"an answer"))
        return opened(self.engines[-1], name)

    def record(self, event: Event) -> None:
        """Fills the port `AuditLog`, as far as it is asked."""
        self.events.append(event)

    async def load(self, name: str = "first") -> ScriptedEngine:
        await self.loading.load(name, CALLER)
        self.engines[-1].get_ready()
        await until(lambda: self.state(name) == "ready")
        return self.engines[-1]

    def state(self, name: str = "first") -> str | None:
        standing = self.loading.standing(name)
        return standing and standing.state


async def until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not done():
            await asyncio.sleep(0.001)


async def test_a_model_is_loaded_once_and_can_be_asked(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    with pytest.raises(ModelNotLoaded, match="first is on this machine, but not loaded"):
        shop.models.find("first")
    assert await asyncio.gather(*(shop.loading.load(name, CALLER) for name in ("first", "alias"))) == ["first"] * 2
    assert shop.state() == "loading"
    shop.engines[0].get_ready()
    await until(lambda: shop.events)
    assert shop.models.find("first").generator is shop.engines[0]
    assert shop.models.find_embedder("first").name == "first"
    assert [engine.started for engine in shop.engines] == [1]
    (event,) = shop.events
    assert (event.action, event.result, event.details) == (Action.MODEL_LOADED, Result.DONE, {"sha256": "d" * 64})


async def test_answers_that_are_under_way_end_before_their_engine(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    engine = await shop.load()
    settled: list[EndEvent] = []
    answer = engine.generate(GenerationRequest("a", (1,), 100), settled.append)
    await anext(answer)
    await shop.loading.unload("alias", CALLER)
    with pytest.raises(ModelNotLoaded):
        shop.models.find("first")
    assert (shop.state(), engine.closed) == ("unloading", 0)
    with pytest.raises(Busy, match="being unloaded"):
        await shop.loading.load("first", CALLER)
    rest = [event async for event in answer]
    await until(lambda: shop.state() is None)
    assert bytes(event.token for event in rest if isinstance(event, TokenEvent)) == b"n answer"
    assert [end.reason for end in settled] == [EndReason.STOP]
    assert engine.closed == 1
    await until(lambda: shop.events[-1].action == Action.MODEL_UNLOADED)
    await shop.load()
    assert len(shop.engines) == 2


async def test_an_answer_that_does_not_end_is_ended_and_settled(tmp_path: Path) -> None:
    shop = Shop(tmp_path, shutdown_seconds=0)
    engine = await shop.load()
    settled: list[EndEvent] = []
    answer = engine.generate(GenerationRequest("a", (1,), 100), settled.append)
    await anext(answer)
    await shop.loading.unload("first", CALLER)
    await until(lambda: shop.state() is None)
    assert [event async for event in answer] == settled
    assert [end.reason for end in settled] == [EndReason.CANCELLED]


async def test_a_broken_file_is_told_and_its_model_can_be_loaded_when_it_is_mended(tmp_path: Path) -> None:
    broken = True

    def open(name: str) -> OpenedModel:
        if broken:
            raise BadFile("is damaged.", where=name)
        return shop.open(name)

    shop = Shop(tmp_path, open)
    with pytest.raises(BadFile, match="damaged"):
        await shop.loading.load("first", CALLER)
    standing = shop.loading.standing("first")
    assert standing is not None
    assert (standing.state, standing.failure) == ("failed", "first: is damaged.")
    await until(lambda: shop.events)
    assert [(event.action, event.result) for event in shop.events] == [(Action.MODEL_LOADED, Result.FAILED)]
    broken = False
    await shop.load()
    assert shop.state() == "ready"


async def test_a_failure_can_be_put_away(tmp_path: Path) -> None:
    def open(name: str) -> OpenedModel:
        raise BadFile("is damaged.", where=name)

    shop = Shop(tmp_path, open)
    with pytest.raises(BadFile):
        await shop.loading.load("first", CALLER)
    await shop.loading.unload("first", CALLER)
    assert shop.state() is None


async def test_an_engine_that_does_not_get_ready_is_let_go(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    await shop.loading.load("first", CALLER)
    assert shop.models.find("first") is not None
    shop.engines[0].fail(BadFile("holds numbers that are not finite.", where="blk.0"))
    await until(lambda: shop.events)
    assert (shop.engines[0].closed, shop.events[0].result) == (1, Result.FAILED)
    standing = shop.loading.standing("first")
    assert standing is not None
    assert standing.failure == "blk.0: holds numbers that are not finite."
    with pytest.raises(ModelNotLoaded):
        shop.models.find("first")


async def test_one_that_the_settings_name_by_its_path_comes_and_goes_as_others(tmp_path: Path) -> None:
    shop = Shop(tmp_path, aliases={"alias": "My Model.Q4_1"})
    shop.loading.begin([opened(ScriptedEngine(lambda _: b""), "My Model.Q4_1", listed=False)])
    assert shop.state("My Model.Q4_1") == "loading"
    assert await shop.loading.unload("alias", CALLER) == "My Model.Q4_1"
    await until(lambda: shop.state("My Model.Q4_1") is None)
    await shop.load("My Model.Q4_1")
    assert shop.state("My Model.Q4_1") == "ready"
    file = shop.loading.files["My Model.Q4_1"]
    assert (file.memory, file.context) == (400_000_000, shop.models.find("My Model.Q4_1").context_length)


async def test_one_that_is_still_loading_can_be_unloaded(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    await shop.loading.load("first", CALLER)
    await shop.loading.unload("first", CALLER)
    await until(lambda: shop.state() is None)
    assert shop.engines[0].closed == 1


async def test_memory_that_is_not_there_is_refused_with_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    monkeypatch.setattr(flow, "free_memory", lambda: 400_000_000)
    await shop.loading.load("first", CALLER)  # 0.25 GB, of which it has next to nothing yet
    with pytest.raises(MemoryFull, match=r"second: it needs 0\.25 GB \(estimated\), and 0\.15 GB are free"):
        await shop.loading.load("second", CALLER)
    assert shop.state("second") is None
    shop.engines[0].get_ready()
    await until(lambda: shop.state() == "ready")  # what it has is not free, what it has not it does not need
    await shop.loading.load("second", CALLER)


async def test_what_is_not_here_cannot_be_loaded(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    with pytest.raises(ModelNotFound, match="galerne models pull smollm2-135m-instruct"):
        await shop.loading.load("smollm2-135m-instruct", CALLER)
    for change in (shop.loading.load, shop.loading.unload):
        with pytest.raises(ModelNotFound):
            await change("nobody", CALLER)
        with pytest.raises(ModelNotFound):
            await change(str(tmp_path), CALLER)  # a path is for whoever starts the server
    assert await shop.loading.unload("second", CALLER) == "second"  # it is not loaded: done


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_is_asked_at_once_no_engine_is_forgotten(tmp_path: Path, seed: int) -> None:
    shop, random = Shop(tmp_path, shutdown_seconds=0), Random(seed)

    async def change() -> None:
        await asyncio.sleep(random.random() / 100)
        ask = random.choice([shop.loading.load, shop.loading.unload])
        with suppress(Busy):
            await ask(random.choice(["first", "second"]), CALLER)
        for engine in shop.engines:
            if engine.started and not engine.is_ready and random.random() < 0.5:
                engine.get_ready()

    await asyncio.gather(*(change() for _ in range(30)))
    for name in ("first", "second"):
        await until(lambda name=name: shop.state(name) in (None, "loading", "ready"))  # type: ignore[misc]
    running = [engine for engine in shop.engines if not engine.closed]
    assert len(running) == sum(shop.state(name) is not None for name in ("first", "second"))
    assert len(shop.models.names) == 2 + len(running)  # the fake one, and the letters
    await shop.loading.close()
    assert [engine.closed for engine in shop.engines] == [1] * len(shop.engines)
    assert [engine.started for engine in shop.engines] == [1] * len(shop.engines)
