"""Work that goes on whoever listens, and can be stopped from elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Generic, TypeVar

from galerne.errors import GalerneError

logger = logging.getLogger(__name__)

Event = TypeVar("Event")


class Underway(Generic[Event]):
    """The events of one piece of work."""

    def __init__(self, events: AsyncGenerator[Event]) -> None:
        """Begins at once, in a task of its own."""
        self._arrived: asyncio.Queue[Event | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._forward(events))
        self._task.add_done_callback(_tell)

    @property
    def stopped(self) -> bool:
        return self._task.cancelled()

    async def events(self) -> AsyncGenerator[Event]:
        """What comes. Raises what the work ended with, unless that is all or it was stopped."""
        while (event := await self._arrived.get()) is not None:
            yield event
        await asyncio.wait((self._task,))
        if not self.stopped:
            self._task.result()

    async def stop(self) -> None:
        """Cut it off, and wait until it has ended."""
        self._task.cancel()
        await asyncio.wait((self._task,))

    async def _forward(self, events: AsyncGenerator[Event]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    self._arrived.put_nowait(event)
        finally:
            self._arrived.put_nowait(None)


def _tell(task: asyncio.Task[None]) -> None:
    """Nobody may be listening any more when it fails."""
    if not task.cancelled() and (error := task.exception()) and not isinstance(error, GalerneError):
        logger.error("unforeseen failure", exc_info=error)
