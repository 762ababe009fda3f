"""Keeps what is said in a turn, while the turn holds its thread.

What was sent is kept as soon as the question is accepted; what is said, when the turn ends, however it ends: a client
that leaves cancels whoever waits for the database, but not the writing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Generic, ParamSpec, TypeVar

from galerne.agents.threads import About, Lease, Thread, Threads
from galerne.agents.turn import Turn
from galerne.agents.turn_events import TurnEnd, TurnEvent, TurnStart
from galerne.errors import Busy, GalerneError
from galerne.protocol.entries import Entry

logger = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Record(Generic[About]):
    """Where one turn writes. `recording` makes one."""

    def __init__(self, threads: Threads[About], lease_seconds: float, user: str | None) -> None:
        self._threads = threads
        self._seconds = lease_seconds
        self._lease = Lease.new(lease_seconds, user)
        self._order = threading.Lock()  # one write at a time, in the order in which they were asked for
        self._held: str | None = None  # the thread of which this has the lease
        self._turn: Turn | None = None
        self._end: TurnEnd | BaseException | None = None
        self._about: Callable[[TurnEnd | BaseException], About] | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def claim(self, workspace: str, id: str) -> Thread[About]:
        """Hold a thread that there is. Raises `NotFound`, `Busy`."""
        return await to_the_end(self._claim, workspace, id)

    async def write(
        self,
        turn: Turn,
        inputs: Sequence[Entry],
        opens: Thread[About] | None = None,
        about: Callable[[TurnEnd | BaseException], About] | None = None,
    ) -> AsyncGenerator[TurnEvent]:
        """The turn's events; by the last one all of it is kept, in the thread that was claimed or that this `opens`.

        `about` tells what is kept of the thread from then on, by what the turn ended with.
        """
        self._turn, self._about = turn, about
        try:
            async with aclosing(turn.events()) as events:
                async for event in events:
                    match event:
                        case TurnStart():
                            await to_the_end(self._begin, inputs, opens)
                            self._renewing = asyncio.create_task(self._renew())
                        case TurnEnd():
                            self._end = event
                            await self.close()
                    yield event
        except BaseException as error:
            self._end = error
            raise

    async def close(self) -> None:
        """Keep what was said until now, and give the thread back."""
        if self._renewing is not None:
            self._renewing.cancel()
        await to_the_end(self._finish)

    def _claim(self, workspace: str, id: str) -> Thread[About]:
        with self._order:
            thread = self._threads.claim(workspace, id, self._lease)
            self._held = id
            return thread

    def _begin(self, inputs: Sequence[Entry], opens: Thread[About] | None) -> None:
        with self._order:
            if opens is not None:
                self._threads.open(opens, inputs, self._lease)
                self._held = opens.id
            elif self._held is None or not self._threads.add(self._held, self._lease, inputs):
                raise Busy("the conversation was deleted or taken over meanwhile.")

    def _finish(self) -> None:
        with self._order:
            if self._held is None:
                return
            id, self._held = self._held, None
            outputs = self._turn.outputs if self._turn else []
            about = self._about(self._end) if self._about and self._end else None
            if not self._threads.finish(id, self._lease, outputs, about) and outputs:
                logger.warning("thread %s was deleted or taken over: what was said in it is not kept", id)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 3)
            try:
                await asyncio.to_thread(self._hold_longer)
            except GalerneError as failure:
                logger.warning("thread %s is not held any longer for now: %s", self._held, failure)

    def _hold_longer(self) -> None:
        with self._order:
            if self._held is not None:
                self._threads.renew(self._held, self._lease.renewed(self._seconds))


@asynccontextmanager
async def recording(threads: Threads[About], lease_seconds: float, user: str | None) -> AsyncIterator[Record[About]]:
    """A record of a turn of this user's, which is closed at the end."""
    record = Record(threads, lease_seconds, user)
    try:
        yield record
    finally:
        await record.close()


async def to_the_end(
    function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Run it in a thread. It runs to its end, even when nobody waits for that any more."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, lambda: function(*args, **kwargs)))
