"""Limits and how much of them is used: counters that change only together with what they count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
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
from galerne.store.prepared import Prepared, numbered
from galerne.store.subjects import named, of_subjects
from galerne.store.upsert import upsert

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


_LIMITS = Prepared(
    select(limits).where(of_subjects(limits)).order_by(limits.c.holder, limits.c.subject, limits.c.measure)
)
_PLACE = [f"the_{column.name}" for column in counters.primary_key]
_CORRECT = Prepared(
    update(counters)
    .where(*(column == bindparam(f"the_{column.name}") for column in counters.primary_key))
    .values(used=counters.c.used + bindparam("more"))
)


def limits_of(connection: Connection, subjects: Sequence[Subject]) -> list[Limit]:
    """In one order for everybody, which `correct` has, too: two transactions cannot wait for each other."""
    return [_limit(*row) for row in _LIMITS.rows(connection, named(subjects))]


def all_limits(connection: Connection) -> list[Limit]:
    return [_limit(*row) for row in connection.execute(select(limits))]


def count(connection: Connection, subjects: Sequence[Subject], demand: Demand, now: datetime) -> list[Standing]:
    """Add a demand to what its subjects have used. Raises `QuotaExceeded`: the transaction must then be undone.

    The counters are locked until the transaction ends.
    """
    held = limits_of(connection, subjects)
    if not held:
        return []
    spans = {measure: window(measure, now) for measure in {limit.measure for limit in held}}
    wanted = {measure: demand.of(measure) for measure in spans}
    rows = (
        {
            "holder": limit.subject.holder.value,
            "subject": limit.subject.id,
            "measure": limit.measure.value,
            "span": spans[limit.measure],
            "used": wanted[limit.measure],
        }
        for limit in held
    )
    added = _adding(connection.dialect.name, len(held)).rows(connection, numbered(rows))
    used = {(row.holder, row.measure): int(row.used) for row in added}
    standings = [Standing(limit, used[limit.subject.holder.value, limit.measure.value]) for limit in held]
    for standing in standings:
        if standing.used > standing.limit.most:
            raise _exceeded(standing, wanted[standing.limit.measure], now)
    return standings


def correct(connection: Connection, closed: Iterable[Closing]) -> None:
    """Put what each used in the place of what it reserved, in the span in which it did; it runs no longer.

    Where there is no counter, there was no limit then.
    """
    changes = Counter[tuple[str, str, str, str]]()
    for closing in closed:
        reserved, used, subjects = closing.reservation.demand, closing.used, closing.reservation.subjects
        for measure in Measure:
            more = (0 if measure is Measure.CONCURRENT else used.of(measure)) - reserved.of(measure)
            if more:
                span = window(measure, closing.reservation.created)
                for subject in subjects:
                    changes[subject.holder.value, subject.id, measure.value, span] += more
    rows = [dict(zip(_PLACE, place, strict=True), more=more) for place, more in sorted(changes.items()) if more]
    if rows:
        _CORRECT.run_each(connection, rows)


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


@cache
def _adding(dialect: str, count: int) -> Prepared:
    """The statement that adds to so many counters, or makes them."""
    rows: list[dict[str, Any]] = [
        {column.name: bindparam(f"{column.name}_{place}") for column in counters.c} for place in range(count)
    ]
    adding = upsert(dialect, counters).values(rows)
    more = {"used": counters.c.used + adding.excluded.used}
    known = adding.on_conflict_do_update(index_elements=["holder", "subject", "measure", "span"], set_=more)
    return Prepared(known.returning(counters.c.holder, counters.c.measure, counters.c.used))


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
