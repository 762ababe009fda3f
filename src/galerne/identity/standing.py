"""Work ends with the right to it: whoever loses their key, or is disabled, is told nothing more within a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from galerne.identity.caller import Caller, Callers

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Between two looks. Another process may have taken the right away, so only the database knows."""


class Standing(Protocol):
    """Knows what is still valid. Its methods block."""

    def ended(self, ids: Collection[str], now: datetime) -> set[str]:
        """Which of these users, keys and sessions are not valid any longer: revoked, expired, disabled, gone."""


class UnderWay:
    """The callers whose requests are under way."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._ends: dict[Caller, set[asyncio.Event]] = {}

    @contextmanager
    def watch(self, caller: Caller) -> Iterator[asyncio.Event]:
        """An event that is set when the caller loses the right to the request."""
        end = asyncio.Event()
        ends = self._ends.setdefault(caller, set())
        ends.add(end)
        try:
            yield end
        finally:
            ends.remove(end)
            if not ends:
                self._ends.pop(caller, None)

    async def look(self) -> None:
        """End what has to end."""
        if self._ends:
            for caller in await self._callers.lost(list(self._ends)):
                for end in self._ends.get(caller, ()):
                    end.set()

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception:
                logger.exception("whether callers are still known cannot be looked up")
