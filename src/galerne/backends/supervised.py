"""The engine in a process of its own: it may crash or hang, and the server goes on.

    server                                     worker
      | -- Load, Submit, Cancel ----------------> |
      | <------------- Loaded, Refused, Stepped - |

When the worker ends (killed, crashed, out of memory) every open request fails at once, and another worker is started.
One that has work and says nothing for `hang_seconds` is taken for hanging, and killed.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress

from galerne.backends.generator import Settle
from galerne.backends.messages import (
    LENGTH_BYTES,
    Cancel,
    Load,
    Loaded,
    Refused,
    Stepped,
    Submit,
    ToServer,
    ToWorker,
    frame,
    frame_length,
    read_to_server,
)
from galerne.backends.probe import probe, produces_a_token
from galerne.backends.streams import Streams
from galerne.engine.events import EndReason, Event
from galerne.engine.request import GenerationRequest
from galerne.errors import EngineFailed, GalerneError, ModelLoading
from galerne.weights.memory import resident_memory

logger = logging.getLogger(__name__)

LONGEST_DELAY = 30.0
"""Seconds between two starts of a worker that never gets ready."""


class SupervisedGenerator:
    """Fills the port `Generator`. `start` it in the event loop that uses it."""

    def __init__(
        self, command: Sequence[str], load: Load, *, context_length: int, hang_seconds: float, start_seconds: float
    ) -> None:
        """`command` starts a worker; the number of its socket is appended. It may be silent for `hang_seconds` while it
        has work, and for `start_seconds` while it loads."""
        self.context_length = context_length
        self.level = "unknown"  # until the worker says
        self._command = tuple(command)
        self._load = load
        self._hang_seconds = hang_seconds
        self._start_seconds = start_seconds
        self._streams = Streams()
        self._writer: asyncio.StreamWriter | None = None  # while a worker takes requests
        self._process: asyncio.subprocess.Process | None = None
        self._reason = "the model is being loaded."  # why no worker takes requests
        self._failure: str | None = None  # why the last one ended, until another one is ready
        self._begun: asyncio.Future[GalerneError | None] | None = None  # how the first one fared
        self._ready = False
        self._heard = 0.0  # when the worker last said something, or got work after having none
        self._restarts = 0
        self._statistics: Mapping[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._begun = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._supervise())

    async def begun(self) -> None:
        """Return when it is ready for the first time. Raises why the first worker did not get so far."""
        assert self._begun is not None
        if (error := await asyncio.shield(self._begun)) is not None:
            raise error

    @property
    def failure(self) -> str | None:
        """Why there is no engine at the moment; None while one runs, or is started for the first time."""
        return self._failure

    @property
    def is_ready(self) -> bool:
        """Whether the engine that runs has produced a token."""
        return self._ready

    async def until_idle(self, seconds: float) -> None:
        """Return when no request is open, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._streams.until_empty()

    def generate(self, request: GenerationRequest, settle: Settle) -> AsyncGenerator[Event]:
        return self._streams.follow(request, settle, self._submit, self.cancel)

    def cancel(self, id: str) -> None:
        self._send(Cancel(id))

    async def ready(self) -> bool:
        return self._ready or (self._writer is not None and await produces_a_token(self))

    def statistics(self) -> Mapping[str, float]:
        resident = 0 if self._process is None else resident_memory(self._process.pid)
        return {
            **self._statistics,
            "open": len(self._streams),
            "resident_bytes": resident,
            "restarts": self._restarts,
        }

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._reason = self._failure = "the model was unloaded."
        self._streams.end_all(EndReason.CANCELLED)

    def _submit(self, request: GenerationRequest) -> None:
        if self._writer is None:
            self._streams.refuse(request.id, ModelLoading(self._reason, hint="Try again soon.", retry_after=2))
            return
        if len(self._streams) == 1:
            self._heard = time.monotonic()
        self._send(Submit(request))

    def _send(self, message: ToWorker) -> None:
        if self._writer is not None:
            self._writer.write(frame(message))

    async def _supervise(self) -> None:
        delay = 0.0
        while True:
            try:
                await self._run_worker()
            except Exception as error:
                self._failure = str(error)
                self._reason = f"the engine ended and is being restarted: {error}"
                self._end_beginning(error if isinstance(error, GalerneError) else EngineFailed(str(error)))
            finally:
                lived, self._ready, self._writer, self._statistics = self._ready, False, None, {}
            logger.error(self._reason)
            self._streams.end_all(EndReason.FAILED, self._reason)
            delay = 0.0 if lived else min(max(2 * delay, 0.5), LONGEST_DELAY)
            self._restarts += 1
            await asyncio.sleep(delay)

    def _end_beginning(self, error: GalerneError | None) -> None:
        if self._begun is not None and not self._begun.done():
            self._begun.set_result(error)

    async def _run_worker(self) -> None:
        """Start a worker and listen to it until it ends, which always raises."""
        process, ours = await self._spawn()
        self._process = process
        try:
            await self._converse(process, ours)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            self._process = None

    async def _converse(self, process: asyncio.subprocess.Process, ours: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(frame(self._load))
        self._heard = time.monotonic()
        parts = (self._listen(reader, writer, process), self._watch(), _log_output(process))
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            writer.close()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _spawn(self) -> tuple[asyncio.subprocess.Process, socket.socket]:
        """A new worker, and our end of its socket."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    str(theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for the server, which stops the worker itself
                )
        except BaseException:  # also when it is closed meanwhile
            ours.close()
            raise
        return process, ours

    async def _listen(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, process: asyncio.subprocess.Process
    ) -> None:
        while True:
            try:
                header = await reader.readexactly(LENGTH_BYTES)
                message = read_to_server(await reader.readexactly(frame_length(header)))
            except (asyncio.IncompleteReadError, OSError):
                raise EngineFailed(await _cause_of_death(process)) from None
            self._heard = time.monotonic()
            self._hear(message, writer)

    def _hear(self, message: ToServer, writer: asyncio.StreamWriter) -> None:
        match message:
            case Loaded(level, context_length):
                self.level, self.context_length, self._writer = level, context_length, writer
                self._send(Submit(probe()))
            case Stepped(tokens, vectors, ends, statistics):
                self._statistics = statistics
                if tokens and not self._ready:
                    self._ready, self._failure = True, None
                    self._end_beginning(None)
                self._streams.deliver(tokens)
                self._streams.deliver(vectors)
                self._streams.deliver(ends)
            case Refused(id=None):
                raise message.error()
            case Refused(id=str(id)):
                self._streams.refuse(id, message.error())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self._hang_seconds / 4))
            silent = time.monotonic() - self._heard
            if self._writer is None and silent > self._start_seconds:
                raise EngineFailed(f"the model was not loaded within {self._start_seconds:g} seconds.")
            has_work = len(self._streams) or not self._ready
            if self._writer is not None and has_work and silent > self._hang_seconds:
                raise EngineFailed(f"it had work and said nothing for {silent:.0f} seconds.")


async def _cause_of_death(process: asyncio.subprocess.Process) -> str:
    """What ended a worker whose socket is closed already. Not waited for long: requests wait for this."""
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            code = await process.wait()
        return f"its process was killed by signal {-code}." if code < 0 else f"its process ended with status {code}."
    return "its process does not answer."


async def _log_output(process: asyncio.subprocess.Process) -> None:
    """What the worker prints goes to the log, line by line, until it ends."""
    assert process.stdout is not None
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:  # longer than the reader's buffer
            continue
        if not line:
            return
        logger.info(line.decode(errors="replace").rstrip(), extra={"worker": process.pid})
