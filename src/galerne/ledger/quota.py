"""Limits: who may use how much in which time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from galerne.ledger.prices import euros


class Measure(StrEnum):
    """What a limit counts. Minutes and months are those of the calendar, in UTC."""

    REQUESTS_MINUTE = "requests_per_minute"
    TOKENS_MINUTE = "tokens_per_minute"
    REQUESTS_MONTH = "requests_per_month"
    TOKENS_MONTH = "tokens_per_month"
    NANO_EUROS_MONTH = "nano_euros_per_month"
    CONCURRENT = "concurrent_requests"

    @property
    def counts(self) -> str:
        """Which amount of a demand it counts: "requests", "tokens" or "nano_euros"."""
        return _COUNTS[self]

    @property
    def is_monthly(self) -> bool:
        return self.value.endswith("_per_month")


_COUNTS = {each: each.value.rsplit("_per_", 1)[0] for each in Measure} | {Measure.CONCURRENT: "requests"}


class Holder(StrEnum):
    """Who has a limit."""

    KEY = "key"
    USER = "user"
    WORKSPACE = "workspace"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class Subject:
    holder: Holder
    id: str


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that a subject may use."""

    subject: Subject
    measure: Measure
    most: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """The models that a subject may use; whoever has none may use all."""

    subject: Subject
    models: frozenset[str]  # their own names


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a limit is used, at one moment."""

    limit: Limit
    used: int  # settled and reserved

    @property
    def left(self) -> int:
        return max(self.limit.most - self.used, 0)


@dataclass(frozen=True, slots=True)
class Demand:
    """What an answer takes: at most, when it is reserved; in truth, when it is settled."""

    tokens: int
    nano_euros: int
    requests: int = 1

    def of(self, measure: Measure) -> int:
        return int(getattr(self, measure.counts))

    def __sub__(self, other: Demand) -> Demand:
        return Demand(self.tokens - other.tokens, self.nano_euros - other.nano_euros, self.requests - other.requests)


NOTHING = Demand(tokens=0, nano_euros=0, requests=0)


def window(measure: Measure, now: datetime) -> str:
    """Names the time span that `now` is in: "2026-11", "2026-11-25T15:04"; one for all times of what runs at once."""
    if measure is Measure.CONCURRENT:
        return ""
    return now.astimezone(UTC).isoformat()[: len("2026-11" if measure.is_monthly else "2026-11-25T15:04")]


def window_start(measure: Measure, now: datetime) -> datetime:
    """When that span began."""
    now = now.astimezone(UTC).replace(second=0, microsecond=0)
    if measure in (Measure.REQUESTS_MINUTE, Measure.TOKENS_MINUTE):
        return now
    return now.replace(day=1, hour=0, minute=0)


def seconds_left(measure: Measure, now: datetime) -> float:
    """Until the span is over; a second for what runs at once, as nobody knows when that ends."""
    start = window_start(measure, now)
    match measure:
        case Measure.CONCURRENT:
            return 1.0
        case Measure.REQUESTS_MINUTE | Measure.TOKENS_MINUTE:
            end = start + timedelta(minutes=1)
        case _:
            end = (start + timedelta(days=32)).replace(day=1)
    return max((end - now).total_seconds(), 0.0)


def amount(measure: Measure, value: int) -> str:
    """For a person: "1.5 euros", "20000 tokens"."""
    if measure.counts == "nano_euros":
        return f"{euros(value)} euros"
    return f"{value} {measure.counts}"


def subjects(ids: Mapping[Holder, str | None]) -> list[Subject]:
    """Those that there are, always in one order, so that two transactions cannot wait for each other."""
    return [Subject(holder, id) for holder in Holder if (id := ids.get(holder)) is not None]
