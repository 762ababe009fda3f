"""Work that is wanted at about the same time is done at once: answers that end together share a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from galerne.running import Run

Item = TypeVar("Item")

MOST = 100
"""So many items are done at once; the others wait for the next time."""


class Together(Generic[Item]):
    """Does whatever waits, as soon as what was begun before is done."""

    def __init__(self, work: Callable[[Sequence[Item]], None], run: Run = asyncio.to_thread) -> None:
        """`work` does all of some items or, when it fails, none. It blocks: `run` does it in a thread."""
        self._work = work
        self._run = run
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._working: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> None:
        """It is done when this returns. Raises what `work` raises for this item alone."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._working is None:
            self._working = asyncio.create_task(self._go_on())
        await done

    async def _go_on(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            await self._try(some)
        self._working = None

    async def _try(self, some: Sequence[tuple[Item, asyncio.Future[None]]]) -> None:
        """An item that cannot be done keeps no other from being done."""
        try:
            await self._run(self._work, [item for item, _ in some])
        except Exception as error:
            if len(some) > 1:
                for one in some:
                    await self._try([one])
            elif not (done := some[0][1]).done():  # whoever waits may have gone
                done.set_exception(error)
        else:
            for _, done in some:
                if not done.done():
                    done.set_result(None)
