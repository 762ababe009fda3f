"""What an answer's headers say of its account: under which id its receipt is, and how far the caller's limits are used.

`x-ratelimit-*` are OpenAI's names. Mistral's servers tell tokens under `ratelimitbysize-*` and `x-ratelimitbysize-*`.
Of several limits that count the same, the one with the least left is told. What an answer may take counts as used.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from galerne.errors import QuotaExceeded
from galerne.flows.meter import Claim, Meter
from galerne.ledger.quota import Measure, Standing, seconds_left

RECEIPT = "x-galerne-receipt"
"""Says under which id the answer's receipt is, once the answer is complete. There are several, after commas, where
agents passed a conversation on."""

COUNTED = ("requests", "tokens")
"""What both clients read limits of."""


@dataclass(slots=True)
class _Account:
    """What one request has taken on so far."""

    claims: list[str] = field(default_factory=list)
    standings: Sequence[Standing] = ()  # after the last of them
    tokens: int = 0  # that it may take, prompts included
    refusal: QuotaExceeded | None = None  # of the one that came too late


_current: ContextVar[_Account | None] = ContextVar("account", default=None)


class Told:
    """A meter whose claims are told in the headers of the request that they are made for."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.settle = meter.settle
        self.note_first = meter.note_first
        self.count = meter.count
        self.close = meter.close

    async def reserve(self, claim: Claim) -> Sequence[Standing]:
        account = _current.get()
        try:
            standings = await self._meter.reserve(claim)
        except QuotaExceeded as refusal:
            if account is not None:
                account.refusal = refusal
            raise
        if account is not None:
            account.claims.append(claim.id)
            account.standings = standings
            account.tokens += claim.prompt_tokens + claim.most_tokens
        return standings


class AccountHeaders:
    """Writes them. What failed has none but those of the limit that refused it: its receipt is found by its id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        account = _Account()
        _current.set(account)

        async def send_with_account(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] < 400 and account.claims:
                    _add(message, _headers(account, datetime.now(UTC)))
                elif message["status"] == HTTPStatus.TOO_MANY_REQUESTS and account.refusal:
                    _add(message, _refused(account.refusal))
            await send(message)

        await self._app(scope, receive, send_with_account)


def _add(start: Message, headers: Iterable[tuple[str, str]]) -> None:
    """Headers that nobody else writes: `MutableHeaders` would look for each of them first."""
    start["headers"] = [*start["headers"], *((name.encode(), value.encode()) for name, value in headers)]


def _headers(account: _Account, now: datetime) -> Iterator[tuple[str, str]]:
    yield RECEIPT, ", ".join(account.claims)
    for counted in COUNTED:
        scarcest = _scarcest(each for each in account.standings if _spans(each.limit.measure, counted))
        if scarcest is not None:
            yield from _rate_limit(counted, scarcest.limit.most, scarcest.left, _seconds(scarcest, now))
    if scarcest is not None:
        yield "ratelimitbysize-limit", str(scarcest.limit.most)
        yield "ratelimitbysize-remaining", str(scarcest.left)
        yield "ratelimitbysize-reset", str(_seconds(scarcest, now))
        yield "ratelimitbysize-query-cost", str(account.tokens)
    for span, measure in (("minute", Measure.TOKENS_MINUTE), ("month", Measure.TOKENS_MONTH)):
        scarcest = _scarcest(each for each in account.standings if each.limit.measure is measure)
        if scarcest is not None:
            yield f"x-ratelimitbysize-limit-{span}", str(scarcest.limit.most)
            yield f"x-ratelimitbysize-remaining-{span}", str(scarcest.left)


def _refused(refusal: QuotaExceeded) -> Iterator[tuple[str, str]]:
    for counted in COUNTED:
        if refusal.measure and _spans(Measure(refusal.measure), counted):
            yield from _rate_limit(counted, refusal.most, refusal.left, math.ceil(refusal.retry_after))


def _rate_limit(counted: str, most: int, left: int, seconds: int) -> Iterator[tuple[str, str]]:
    yield f"x-ratelimit-limit-{counted}", str(most)
    yield f"x-ratelimit-remaining-{counted}", str(left)
    yield f"x-ratelimit-reset-{counted}", f"{seconds}s"


def _scarcest(standings: Iterable[Standing]) -> Standing | None:
    return min(standings, key=lambda each: each.left, default=None)


def _spans(measure: Measure, counted: str) -> bool:
    """Whether it limits how many of these there are in a span of time."""
    return measure.counts == counted and measure is not Measure.CONCURRENT


def _seconds(standing: Standing, now: datetime) -> int:
    return math.ceil(seconds_left(standing.limit.measure, now))
