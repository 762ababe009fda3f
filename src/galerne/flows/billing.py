"""Keeps the books of answers: reserve the worst case, settle the truth, sign a receipt. Fills the port `Meter`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from galerne.errors import GalerneError
from galerne.flows.meter import Account, Claim
from galerne.flows.settlement import Settlement
from galerne.flows.together import Together
from galerne.ledger.books import Books, Closing, Settled
from galerne.ledger.prices import Kind, PriceList
from galerne.ledger.quota import Standing
from galerne.ledger.usage import Reservation
from galerne.running import Run

Clock = Callable[[], datetime]


class Journal(Protocol):
    """Counts the tokens of answers under way, for whoever comes after this process."""

    @property
    def name(self) -> str: ...

    def take(self) -> int:
        """A counter, at 0."""

    def count(self, slot: int) -> None:
        """One more, before the token is told to anybody."""

    def give_back(self, slot: int) -> None: ...

    def close(self) -> None:
        """Nothing in it is needed any longer."""


@dataclass(frozen=True, slots=True)
class _Open:
    """An answer that is being written."""

    reservation: Reservation
    prices: PriceList  # as they were when it was reserved


@dataclass(frozen=True, slots=True)
class _Ended:
    """An answer that has ended."""

    open: _Open
    claim: Claim
    accounts: Sequence[Account]


class Billing:
    """All answers of this process, on record in the books."""

    def __init__(
        self,
        books: Books,
        journal: Journal,
        settlement: Settlement,
        run: Run = asyncio.to_thread,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """`run` does what blocks: whatever the books do."""
        self._books = books
        self._journal = journal
        self._settlement = settlement
        self._run = run
        self._clock = clock
        self._open: dict[str, _Open] = {}
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._undoing = set[asyncio.Task[None]]()
        self._closing = Together(self._close, run)
        self._unrecorded = False  # whether there is an answer that has ended and is not on record

    async def reserve(self, claim: Claim) -> Sequence[Standing]:
        slot = self._journal.take()
        reserving = asyncio.create_task(self._reserve(claim, slot))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:  # whoever asked has left, but a thread may be at work on it
            undoing = asyncio.create_task(self._undo(claim, reserving))
            self._undoing.add(undoing)
            undoing.add_done_callback(self._undoing.discard)
            raise

    def count(self, claim: Claim) -> None:
        self._journal.count(self._open[claim.id].reservation.slot)

    def settle(self, account: Account) -> None:
        """`close` is told of all of them at once."""

    def note_first(self, model: str, seconds: float) -> None:
        """Nothing of it is on record."""

    async def close(self, claim: Claim, accounts: Sequence[Account]) -> None:
        open = self._open[claim.id]
        try:
            await self._closing.do(_Ended(open, claim, accounts))
            self._journal.give_back(open.reservation.slot)
        except BaseException:
            self._unrecorded = True  # it stays reserved and counted, for the next start to settle
            raise
        finally:
            del self._open[claim.id]
            if not self._open:
                self._none_open.set()

    async def end(self) -> None:
        """The process stops: all its answers are on record when this returns, or are left to the next start."""
        await asyncio.gather(*self._undoing)
        await self._none_open.wait()
        if not self._unrecorded:
            self._journal.close()

    async def _reserve(self, claim: Claim, slot: int) -> Sequence[Standing]:
        try:
            self._open[claim.id], standings = await self._run(self._set_aside, claim, slot)
        except BaseException:
            self._journal.give_back(slot)
            raise
        self._none_open.clear()
        return standings

    async def _undo(self, claim: Claim, reserving: asyncio.Task[Sequence[Standing]]) -> None:
        """Give back what is set aside for nobody."""
        with suppress(GalerneError):
            await reserving
            await self.close(claim, ())

    def _set_aside(self, claim: Claim, slot: int) -> tuple[_Open, Sequence[Standing]]:
        prices = PriceList(self._books.prices(claim.model))  # an administrator may have changed them
        reservation = self._reservation(claim, slot, prices)
        return _Open(reservation, prices), self._books.reserve(reservation)

    def _reservation(self, claim: Claim, slot: int, prices: PriceList) -> Reservation:
        caller, now = claim.caller, self._clock()
        return Reservation(
            id=claim.id,
            organisation=caller.organisation,
            workspace=caller.workspace,
            user=caller.user,
            key=caller.key,
            endpoint=claim.endpoint,
            model=claim.model,
            prompt_tokens=claim.prompt_tokens,
            most_tokens=claim.most_tokens,
            nano_euros=_worst_cost(claim, prices, now),
            created=now,
            journal=self._journal.name,
            slot=slot,
            model_sha256=claim.digest,
            template_sha256=claim.template,
            engine=claim.fingerprint,
            prompt_digest=self._settlement.digest(claim.id, claim.prompts),
            request=caller.request,
        )

    def _close(self, ended: Sequence[_Ended]) -> None:
        self._books.close([Closing(each.open.reservation, self._settled(each)) for each in ended])

    def _settled(self, ended: _Ended) -> Settled | None:
        open = ended.open
        if not ended.accounts:  # the engine took nothing on
            return None
        return self._settlement.of(open.reservation, ended.claim, ended.accounts, open.prices, self._clock())


def _worst_cost(claim: Claim, prices: PriceList, now: datetime) -> int:
    """Nano-euros at most: each token at the highest price that it may come to."""
    kinds = (Kind.EMBEDDING,) if claim.prompt_kind is Kind.EMBEDDING else (Kind.INPUT, Kind.CACHED)
    dearest = max(prices.of(claim.model, kind, now.date()) for kind in kinds)
    return claim.prompt_tokens * dearest + claim.most_tokens * prices.of(claim.model, Kind.OUTPUT, now.date())
