"""Keeps the books of answers: reserve the worst case, settle the truth, sign a receipt. Fills the port `Meter`."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np

from galerne.engine.events import EndReason
from galerne.flows.meter import Account, Claim
from galerne.ledger.books import Books
from galerne.ledger.energy import Grid, Power, energy_of
from galerne.ledger.prices import Kind, PriceList
from galerne.ledger.receipt import Answered, pseudonym, receipt_body, salted_digest
from galerne.ledger.usage import LOST, Reservation, Usage

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


class Billing:
    """All answers of this process, on record in the books."""

    def __init__(
        self,
        books: Books,
        journal: Journal,
        secret: bytes,
        *,
        power: Power | None = None,
        grid: Grid | None = None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """`secret` makes pseudonyms and salts; `power` and `grid` are what energy is estimated with."""
        self._books = books
        self._journal = journal
        self._secret = secret
        self._power = power
        self._grid = grid
        self._clock = clock
        self._open: dict[str, Reservation] = {}
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._prices = PriceList(books.prices())

    async def reserve(self, claim: Claim) -> None:
        slot = self._journal.take()
        try:
            reservation = await asyncio.to_thread(self._reserve, claim, slot)
        except BaseException:
            self._journal.give_back(slot)
            raise
        self._open[claim.id] = reservation
        self._none_open.clear()

    def count(self, claim: Claim) -> None:
        self._journal.count(self._open[claim.id].slot)

    def settle(self, account: Account) -> None:
        """`close` is told of all of them at once."""

    async def close(self, claim: Claim, accounts: Sequence[Account]) -> None:
        reservation = self._open[claim.id]
        record = self._record(reservation, claim, accounts) if accounts else (None, None)
        try:
            await asyncio.to_thread(self._books.close, reservation, *record)
            self._journal.give_back(reservation.slot)  # else it stays counted, for the next start to settle
        finally:
            del self._open[claim.id]
            if not self._open:
                self._none_open.set()

    async def drained(self) -> None:
        """No answer of this process is being put on record any longer. One that could not be stays reserved."""
        await self._none_open.wait()

    def _reserve(self, claim: Claim, slot: int) -> Reservation:
        self._prices = PriceList(self._books.prices())  # an administrator may have changed them
        reservation = self._reservation(claim, slot)
        self._books.reserve(reservation)
        return reservation

    def _reservation(self, claim: Claim, slot: int) -> Reservation:
        caller, now = claim.caller, self._clock()
        prompt_tokens = sum(map(len, claim.prompts))
        worst = self._prices.costs(
            claim.model, now.date(), ((Kind.INPUT, prompt_tokens), (Kind.OUTPUT, claim.most_tokens))
        )
        return Reservation(
            id=claim.id,
            organisation=caller.organisation,
            workspace=caller.workspace,
            user=caller.user,
            key=caller.key,
            endpoint=claim.endpoint,
            model=claim.model,
            prompt_tokens=prompt_tokens,
            most_tokens=claim.most_tokens,
            nano_euros=sum(cost.nano_euros for cost in worst),
            created=now,
            journal=self._journal.name,
            slot=slot,
        )

    def _record(
        self, reservation: Reservation, claim: Claim, accounts: Sequence[Account]
    ) -> tuple[Usage, Mapping[str, Any]]:
        """What goes into the books: the usage and the receipt."""
        now = self._clock()
        counted = counted_tokens(claim, accounts)
        costs = self._prices.costs(claim.model, reservation.created.date(), counted.items())
        cpu_seconds = sum(account.work.cpu_seconds for account in accounts)
        energy = energy_of(None, cpu_seconds, self._power, self._grid)
        used = reservation.settled(
            now,
            counted,
            nano_euros=sum(cost.nano_euros for cost in costs),
            cpu_seconds=cpu_seconds,
            joules=energy.joules,
            reason=_worst([account.reason for account in accounts]).value,
        )
        answered = self._answered(used, claim, sorted(accounts, key=lambda account: account.id))
        return used, receipt_body(answered, pseudonym(used.workspace, self._secret), costs, energy)

    def _answered(self, used: Usage, claim: Claim, accounts: Sequence[Account]) -> Answered:
        salt = hmac.new(self._secret, used.id.encode(), hashlib.sha256).digest()
        return Answered(
            id=used.id,
            endpoint=used.endpoint,
            time=used.time.isoformat(timespec="milliseconds"),
            workspace=used.workspace,
            model=used.model,
            model_sha256=claim.digest,
            template_sha256=claim.template,
            engine=claim.fingerprint,
            prompt_tokens=used.input_tokens + used.cached_tokens,
            cached_tokens=used.cached_tokens,
            completion_tokens=used.output_tokens,
            reasons=tuple(account.reason.value for account in accounts),
            prompt_digest=salted_digest(_token_bytes(claim.prompts), salt),
            answer_digest=salted_digest(_token_bytes([account.tokens for account in accounts]), salt),
        )


def recover(books: Books, journals: Mapping[str, Sequence[int]], prices: PriceList, now: datetime) -> int:
    """Settle the answers of processes that died: each as far as its journal says it was. Returns how many."""
    lost = [each for each in books.open_reservations() if each.journal in journals]
    for reservation in lost:
        told = journals[reservation.journal][reservation.slot]
        counted = {Kind.INPUT: reservation.prompt_tokens if told else 0, Kind.CACHED: 0, Kind.OUTPUT: told}
        costs = prices.costs(reservation.model, reservation.created.date(), counted.items())
        cost = sum(cost.nano_euros for cost in costs)
        used = reservation.settled(now, counted, nano_euros=cost, cpu_seconds=None, joules=None, reason=LOST)
        books.close(reservation, used if told else None, None)
    return len(lost)


def counted_tokens(claim: Claim, accounts: Sequence[Account]) -> dict[Kind, int]:
    """What is billed. A prompt counts once, however many choices it has: the first computes it, the others find it."""
    cached: dict[int, int] = {}
    for account in accounts:
        prompt = int(account.id.rpartition("-")[2]) // claim.choices
        cached[prompt] = min(account.work.cached_tokens, cached.get(prompt, account.work.cached_tokens))
    return {
        Kind.INPUT: sum(len(claim.prompts[prompt]) for prompt in cached) - sum(cached.values()),
        Kind.CACHED: sum(cached.values()),
        Kind.OUTPUT: sum(account.work.completion_tokens for account in accounts),
    }


def _worst(reasons: Sequence[EndReason]) -> EndReason:
    """Of an answer with several choices."""
    return max(reasons, key=[EndReason.STOP, EndReason.LENGTH, EndReason.CANCELLED, EndReason.FAILED].index)


def _token_bytes(texts: Sequence[Sequence[int]]) -> bytes:
    """Token ids as bytes: for each text its length, then its tokens, as little-endian numbers of 32 bits."""
    numbers = [number for text in texts for number in (len(text), *text)]
    return np.array(numbers, "<u4").tobytes()
