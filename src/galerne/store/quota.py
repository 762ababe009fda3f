"""Limits and how much of them is used: counters that change only together with what they count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    String,
    Table,
    bindparam,
    case,
    delete,
    insert,
    literal_column,
    select,
)

from galerne.errors import QuotaExceeded
from galerne.ledger.books import Closing
from galerne.ledger.quota import (
    Demand,
    Holder,
    Limit,
    Measure,
    Standing,
    Subject,
    amount,
    seconds_left,
    window,
)
from galerne.store.metadata import metadata
from galerne.store.prepared import Prepared
from galerne.store.subjects import named, of_subjects
from galerne.store.upsert import Upsert, upsert

limits = Table(
    "limits",
    metadata,
    Column("holder", String(16), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("measure", String(32), primary_key=True),
    Column("most", BigInteger, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("holder", String(16), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("measure", String(32), primary_key=True),
    Column("span", String(16), primary_key=True),  # the minute, the month
    Column("used", BigInteger, nullable=False),  # settled and reserved
)


def all_limits(connection: Connection) -> list[Limit]:
    return [_limit(*row) for row in connection.execute(select(limits))]


def count(connection: Connection, subjects: Sequence[Subject], demand: Demand, now: datetime) -> list[Standing]:
    """Add a demand to what its subjects have used. Raises `QuotaExceeded`: the transaction must then be undone.

    The counters are locked until the transaction ends.
    """
    added = _counting(connection.dialect.name).rows(connection, _parameters(subjects, demand, demand.requests, now))
    standings = [Standing(_limit(row.holder, row.subject, row.measure, row.most), int(row.used)) for row in added]
    for standing in standings:
        if standing.used > standing.limit.most:
            raise _exceeded(standing, demand.of(standing.limit.measure), now)
    return standings


def correct(connection: Connection, closed: Iterable[Closing]) -> None:
    """Put what each used in the place of what it reserved, in the span in which it did; it runs no longer."""
    adding = _correcting(connection.dialect.name)
    for closing in closed:
        reservation = closing.reservation
        more, running = closing.used - reservation.demand, -reservation.demand.requests
        adding.run(connection, _parameters(reservation.subjects, more, running, reservation.created))


def replace_limit(connection: Connection, limit: Limit, used: int, now: datetime) -> None:
    """Set a limit of whose measure so much is used in the span that `now` is in."""
    remove_limit(connection, limit.subject, limit.measure)
    key = {"holder": limit.subject.holder.value, "subject": limit.subject.id, "measure": limit.measure.value}
    connection.execute(insert(limits).values(**key, most=limit.most))
    connection.execute(insert(counters).values(**key, span=window(limit.measure, now), used=used))


def remove_limit(connection: Connection, subject: Subject, measure: Measure) -> None:
    for table in (limits, counters):
        connection.execute(
            delete(table).where(
                table.c.holder == subject.holder.value,
                table.c.subject == subject.id,
                table.c.measure == measure.value,
            )
        )


def forget_minutes(connection: Connection, before: datetime) -> None:
    """Remove what minutes that were over by then have counted."""
    minutes = [each.value for each in Measure if _span(each) == "minute"]
    past = counters.c.span < window(Measure.TOKENS_MINUTE, before)
    connection.execute(delete(counters).where(counters.c.measure.in_(minutes), past))


@cache
def _counting(dialect: str) -> Prepared:
    """The statement that adds to what some subjects have used, and tells how far each of their limits is used."""
    here = [column == literal_column(f"counters.{column.name}") for column in limits.primary_key]
    most = select(limits.c.most).where(*here).scalar_subquery()
    return Prepared(_adding(dialect).returning(*counters.c, most.label("most")))


@cache
def _correcting(dialect: str) -> Prepared:
    return Prepared(_adding(dialect))


def _adding(dialect: str) -> Upsert:
    """The statement that adds to the counter of every limit of some subjects, or makes it.

    Each transaction goes from the organisation down to the key, for one answer after the other: as these are a tree, no
    two can wait for each other.
    """
    ranks = _by(limits.c.holder, {holder: literal_column(f"{rank}") for rank, holder in enumerate(Holder)})
    spans = _by(limits.c.measure, {each: bindparam(_span(each), type_=String) for each in Measure})
    amounts = _by(limits.c.measure, {each: bindparam(_amount(each), type_=BigInteger) for each in Measure})
    rows = select(*limits.primary_key, spans, amounts).where(of_subjects(limits), amounts != 0)
    adding = upsert(dialect, counters).from_select(list(counters.c), rows.order_by(ranks.desc(), limits.c.measure))
    more = {"used": counters.c.used + adding.excluded.used}
    return adding.on_conflict_do_update(index_elements=list(counters.primary_key), set_=more)


def _by(column: ColumnElement[str], values: Mapping[StrEnum, ColumnElement[Any]]) -> ColumnElement[Any]:
    """The value that belongs to what is in the column."""
    return case(*((column == literal_column(f"'{name}'"), value) for name, value in values.items()))


def _parameters(subjects: Sequence[Subject], more: Demand, running: int, now: datetime) -> dict[str, Any]:
    return {
        **named(subjects),
        "minute": window(Measure.TOKENS_MINUTE, now),
        "month": window(Measure.TOKENS_MONTH, now),
        "always": window(Measure.CONCURRENT, now),
        "requests": more.requests,
        "tokens": more.tokens,
        "nano_euros": more.nano_euros,
        "running": running,
    }


def _span(measure: Measure) -> str:
    if measure is Measure.CONCURRENT:
        return "always"
    return "month" if measure.is_monthly else "minute"


def _amount(measure: Measure) -> str:
    return "running" if measure is Measure.CONCURRENT else measure.counts


@lru_cache(maxsize=4096)
def _limit(holder: str, subject: str, measure: str, most: int) -> Limit:
    """Of a row. The same ones come again with each request of the same caller."""
    return Limit(Subject(Holder(holder), subject), Measure(measure), most)


def _exceeded(standing: Standing, wanted: int, now: datetime) -> QuotaExceeded:
    measure, subject, most = standing.limit.measure, standing.limit.subject, standing.limit.most
    seconds = seconds_left(measure, now)
    left = max(most - (standing.used - wanted), 0)
    message = (
        f"the limit of {amount(measure, most)} ({measure.value}) of the {subject.holder.value} {subject.id!r}"
        f" leaves {amount(measure, left)}, and this request may take {amount(measure, wanted)}."
    )
    frees = "when another request of it has ended" if measure is Measure.CONCURRENT else f"in {seconds:.0f} s"
    refusal = QuotaExceeded(message, where=measure.value, hint=f"It frees {frees}.", retry_after=seconds)
    refusal.measure, refusal.most, refusal.left = measure.value, most, left
    return refusal
