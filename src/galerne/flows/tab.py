"""The account of one answer while it is open.

The engine's last word about a request may come after the client has left, and after the flow that answered has ended:
the tab waits for it, and is closed just once.
"""

from __future__ import annotations

import asyncio
from typing import Self

from galerne.engine.events import EndEvent
from galerne.flows.meter import Account, Claim, Meter


class Tab:
    """`open` it, `begin` and `settle` (or `drop`) each request of the engine, `end` it however the answer ends."""

    def __init__(self, claim: Claim, meter: Meter) -> None:
        self._claim = claim
        self._meter = meter
        self._tokens: dict[str, list[int]] = {}  # of the requests that are under way
        self._accounts: list[Account] = []
        self._none_under_way = asyncio.Event()
        self._none_under_way.set()
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, claim: Claim, meter: Meter) -> Self:
        """Raises `QuotaExceeded`."""
        await meter.reserve(claim)
        return cls(claim, meter)

    def begin(self, id: str) -> None:
        """A request is handed to the engine."""
        self._tokens[id] = []
        self._none_under_way.clear()

    def count(self, id: str, token: int) -> None:
        """A token of it arrived."""
        if id in self._tokens:
            self._tokens[id].append(token)
            self._meter.count(self._claim)

    def settle(self, end: EndEvent) -> None:
        """The engine's last word about it."""
        claim = self._claim
        account = Account(end.id, claim.model, claim.digest, end.reason, end.work, tuple(self._tokens.get(end.id, ())))
        self._accounts.append(account)
        self._meter.settle(account)
        self._forget(end.id)

    def drop(self, id: str) -> None:
        """The engine did not take it on. Harmless when it has been settled."""
        self._forget(id)

    def end(self) -> asyncio.Task[None]:
        """No request will begin any more: the answer is put on record once all of it has ended, whoever waits for that.

        Harmless when it was called before.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        return self._closing

    async def close(self) -> None:
        """The answer is on record when this returns. Raises what keeping the record raises."""
        await asyncio.shield(self.end())

    def _forget(self, id: str) -> None:
        self._tokens.pop(id, None)
        if not self._tokens:
            self._none_under_way.set()

    async def _close(self) -> None:
        await self._none_under_way.wait()
        await self._meter.close(self._claim, self._accounts)
