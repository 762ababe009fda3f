"""The engine in a thread of this process: for `chat`, where one process is simpler than two."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress

from galerne.backends.generator import Settle
from galerne.backends.probe import produces_a_token
from galerne.backends.streams import Streams
from galerne.engine.engine import Engine
from galerne.engine.events import EndReason, Event
from galerne.engine.request import GenerationRequest
from galerne.errors import EngineFailed, GalerneError

logger = logging.getLogger(__name__)

Command = GenerationRequest | str
"""A request to submit, or the id of one to cancel."""


class NativeGenerator:
    """Fills the port `Generator`. Only its thread touches the engine; only the event loop touches the streams."""

    def __init__(self, engine: Engine, context_length: int, level: str) -> None:
        self.context_length = context_length
        self.level = level
        self._engine = engine
        self._streams = Streams()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = False
        self._condition = threading.Condition()  # guards the next three
        self._commands: list[Command] = []
        self._closing = False
        self._failure: str | None = None
        self._statistics = engine.statistics()
        self._thread = threading.Thread(target=self._run, name="galerne-engine", daemon=True)
        self._thread.start()

    def generate(self, request: GenerationRequest, settle: Settle) -> AsyncGenerator[Event]:
        return self._streams.follow(request, settle, self._submit, self._command)

    def cancel(self, id: str) -> None:
        self._command(id)

    async def ready(self) -> bool:
        self._ready = self._failure is None and (self._ready or await produces_a_token(self))
        return self._ready

    def statistics(self) -> Mapping[str, float]:
        return self._statistics

    async def close(self) -> None:
        with self._condition:
            self._closing = True
            self._condition.notify()
        await asyncio.to_thread(self._thread.join)
        self._streams.end_all(EndReason.CANCELLED)

    def _submit(self, request: GenerationRequest) -> None:
        self._loop = asyncio.get_running_loop()
        self._command(request)

    def _command(self, command: Command) -> None:
        with self._condition:
            if self._failure is None and not self._closing:
                self._commands.append(command)
                self._condition.notify()
                return
        if isinstance(command, GenerationRequest):
            self._streams.refuse(command.id, EngineFailed(self._failure or "the engine is stopping."))

    def _run(self) -> None:
        """Runs in the engine's thread."""
        try:
            while (commands := self._next_commands()) is not None:
                for command in commands:
                    self._obey(command)
                events = self._engine.step() if self._engine.has_work else []
                self._statistics = self._engine.statistics()
                if events:
                    self._tell(events)
        except Exception as error:
            logger.exception("the engine stopped")
            with self._condition:
                self._failure = f"the engine stopped: {error}"
            self._call(self._streams.end_all, EndReason.FAILED, self._failure)

    def _next_commands(self) -> list[Command] | None:
        """What to do before the next step; None to stop. Sleeps while there is nothing to do."""
        with self._condition:
            while not (self._commands or self._closing or self._engine.has_work):
                self._condition.wait()
            commands, self._commands = self._commands, []
            return None if self._closing else commands

    def _obey(self, command: Command) -> None:
        if isinstance(command, str):
            self._engine.cancel(command)
            return
        try:
            self._engine.submit(command)
        except GalerneError as error:
            self._call(self._streams.refuse, command.id, error)

    def _tell(self, events: list[Event]) -> None:
        self._call(self._streams.deliver, events)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any longer
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function, *arguments)
