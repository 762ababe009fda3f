"""Models that are loaded and unloaded while the server runs, each with an engine of its own.

    (here) -- load --> loading --> ready -- unload --> unloading --> (here)
                          |
                          +------> failed, and why; load tries again

A model is found (`ServedModels`) from its opening until it is to be unloaded. Then answers that are under way may end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from galerne.backends.generator import Generator
from galerne.errors import Busy, MemoryFull, ModelNotFound
from galerne.flows.auditing import event_of, note
from galerne.flows.catalogue import ModelCard, show_model
from galerne.flows.served import Footprint, Origin, ServedEmbedder, ServedModel, ServedModels
from galerne.identity.caller import Caller
from galerne.ledger.audit import Action, AuditLog, Party, Result
from galerne.settings import Settings
from galerne.weights.memory import free_memory

logger = logging.getLogger(__name__)

State = Literal["loading", "ready", "unloading", "failed"]


class Engine(Generator, Protocol):
    """A generator that is started when its model is loaded."""

    @property
    def is_ready(self) -> bool:
        """Whether it has produced a token since it was started last."""

    @property
    def failure(self) -> str | None:
        """Why it does not run; None while it does, or is started for the first time."""

    def start(self) -> None: ...

    async def begun(self) -> None:
        """Return when it is ready for the first time. Raises why it could not get so far."""

    async def until_idle(self, seconds: float) -> None:
        """Return when no request is open, or after so many seconds."""


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model, its files checked, and its engine, not started. `bootstrap` sets every field."""

    model: ServedModel
    embedder: ServedEmbedder  # the vectors behind what it reads
    engine: Engine  # the model's generator
    listed: bool = True  # it is among the models of this machine; False: the settings name its path


@dataclass(frozen=True, slots=True)
class FileModel:
    """A model that the settings name by its path. `Loading` sets every field."""

    name: str
    context: int  # tokens
    origin: Origin
    footprint: Footprint

    @property
    def memory(self) -> int:
        return self.footprint.memory


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model is that was loaded, or that was to be. `Loading` sets every field."""

    state: State
    failure: str | None = None
    resident: int = 0  # bytes of memory that its engine has
    open: int = 0  # requests


@dataclass(slots=True)
class _Place:
    """One model's place in this server."""

    memory: int  # bytes that it needs, estimated
    opened: OpenedModel | None = None  # None: its files are being read, or it could not be loaded
    error: Exception | None = None  # why not
    leaving: bool = False
    read: asyncio.Event = field(default_factory=asyncio.Event)  # its files have been read, or are wrong
    work: asyncio.Task[None] | None = None  # that loads or unloads it

    def standing(self) -> Standing:
        if self.opened is None:
            return Standing("failed", str(self.error)) if self.error else Standing("loading")
        engine = self.opened.engine
        state: State = "failed" if engine.failure else "ready" if engine.is_ready else "loading"
        figures = engine.statistics()
        resident, requests = int(figures["resident_bytes"]), int(figures["open"])
        return Standing("unloading" if self.leaving else state, engine.failure, resident, requests)


class Loading:
    """The flow behind `POST /v1/admin/models/{name}/load` and `/unload`. Everything happens in one event loop."""

    def __init__(
        self, models: ServedModels, open: Callable[[str], OpenedModel], audit: AuditLog, settings: Settings
    ) -> None:
        """`open` blocks, and raises what is wrong with the files of a model."""
        self._models = models
        self._open = open
        self._audit = audit
        self._settings = settings
        self._places: dict[str, _Place] = {}
        self.files: dict[str, FileModel] = {}  # by name
        self._work: set[asyncio.Task[None]] = set()  # so that none is lost that nobody waits for

    def begin(self, opened: Iterable[OpenedModel]) -> None:
        """Start the engines of the models that a server has from its start. These are tried again until they run."""
        for each in opened:
            model, footprint = each.model, each.model.origin.footprint
            if footprint is not None and not each.listed:
                self.files[model.name] = FileModel(model.name, model.context_length, model.origin, footprint)
            self._places[model.name] = _Place(footprint.memory if footprint else 0, each)
            each.engine.start()

    async def close(self) -> None:
        """Stop all engines; open requests end as cancelled."""
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        for place in self._places.values():
            await _close(place.opened)

    def standing(self, name: str) -> Standing | None:
        """How the model of that name is; None: it was neither loaded nor asked for."""
        place = self._places.get(name)
        return None if place is None else place.standing()

    async def load(self, name: str, caller: Caller) -> str:
        """Begin to load a model of this machine, by name or alias, unless it is loaded; returns its own name.

        Its files have been read when this returns; `standing` tells how its engine fares. Raises `ModelNotFound`,
        `MemoryFull`, `Busy` while it is unloaded, and what is wrong with its files.
        """
        card = await self._find(name)
        name = card.name
        if isinstance(card, ModelCard) and card.manifest is None:
            hint = f"Get it with `galerne models pull {name}`."
            raise ModelNotFound("the model is in the catalogue but not on this machine.", where=name, hint=hint)
        place = self._places.get(name)
        if place is not None and place.leaving:
            raise Busy("is being unloaded.", where=name, hint="Try again when that is done.")
        if place is None or place.error is not None:
            self._check_memory(name, card.memory)
            place = self._places[name] = _Place(card.memory)
            place.work = self._go_on(self._load(name, place, caller))
            await place.read.wait()
            if place.error is not None:
                raise place.error
        return name

    async def unload(self, name: str, caller: Caller) -> str:
        """Begin to unload a model, by name or alias, if it is loaded; returns its own name.

        Nobody finds it any longer when this returns; its answers have `shutdown_seconds` to end. Raises
        `ModelNotFound`, `Busy` while its files are read.
        """
        name = (await self._find(name)).name
        place = self._places.get(name)
        if place is None:
            return name
        if place.error is not None:
            del self._places[name]
        elif place.opened is None:
            raise Busy("is being loaded.", where=name, hint="Try again when its files have been read.")
        elif not place.leaving:
            place.leaving = True
            self._models.remove(name)
            if place.work is not None:
                place.work.cancel()
            place.work = self._go_on(self._unload(name, place.opened, caller))
        return name

    async def _find(self, name: str) -> FileModel | ModelCard:
        """By name or alias. Raises `ModelNotFound`."""
        own_name = self._settings.aliases.get(name, name)
        if (file := self.files.get(own_name)) is not None:
            return file
        return await asyncio.to_thread(show_model, name, self._settings)

    def _check_memory(self, name: str, needed: int) -> None:
        """Raises `MemoryFull`. What others that are being loaded have not taken yet is not free."""
        standings = [(place.memory, place.standing()) for place in self._places.values()]
        promised = sum(max(0, memory - each.resident) for memory, each in standings if each.state == "loading")
        free = max(0, free_memory() - promised)
        if needed > free:
            figures = f"it needs {needed / 1e9:.2f} GB (estimated), and {free / 1e9:.2f} GB are free."
            raise MemoryFull(figures, where=name, hint="Unload another model first.")

    async def _load(self, name: str, place: _Place, caller: Caller) -> None:
        try:
            opened = place.opened = await asyncio.to_thread(self._open, name)
            opened.engine.start()
            self._models.add(opened.model, opened.embedder)
            place.read.set()
            await opened.engine.begun()
        except Exception as error:
            logger.error("%s cannot be loaded: %s", name, error)
            begun, place.opened, place.error = place.opened, None, error
            self._models.remove(name)
            place.read.set()
            await _close(begun)
            failed = replace(event_of(caller, Action.MODEL_LOADED, Party("model", name)), result=Result.FAILED)
            await asyncio.to_thread(self._audit.record, failed)
        else:
            await note(self._audit, caller, Action.MODEL_LOADED, Party("model", name), sha256=opened.model.digest)

    async def _unload(self, name: str, opened: OpenedModel, caller: Caller) -> None:
        await opened.engine.until_idle(self._settings.shutdown_seconds)
        await _close(opened)
        del self._places[name]
        await note(self._audit, caller, Action.MODEL_UNLOADED, Party("model", name))

    def _go_on(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task


async def _close(opened: OpenedModel | None) -> None:
    if opened is not None:
        await opened.engine.close()
        opened.model.template.close()
