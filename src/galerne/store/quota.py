"""Limits and how much of them is used: counters that change only together with what they count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Executable,
    Row,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    tuple_,
)

from galerne.errors import QuotaExceeded
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


def _of(table: Table) -> ColumnElement[bool]:
    """The rows of the subjects that the parameter `subjects` names."""
    return tuple_(table.c.holder, table.c.subject).in_(bindparam("subjects", expanding=True))


def _named(subjects: Sequence[Subject]) -> dict[str, list[tuple[str, str]]]:
    """That parameter."""
    return {"subjects": [(subject.holder.value, subject.id) for subject in subjects]}


# Built once: building a statement takes longer than running it.
_LIMITS = select(limits).where(_of(limits)).order_by(limits.c.holder, limits.c.subject, limits.c.measure)


def limits_of(connection: Connection, subjects: Sequence[Subject]) -> list[Limit]:
    """In one order for everybody, so that two transactions cannot wait for each other."""
    return [_limit(row) for row in connection.execute(_LIMITS, _named(subjects))]


def all_limits(connection: Connection) -> list[Limit]:
    return [_limit(row) for row in connection.execute(select(limits))]


def count(connection: Connection, subjects: Sequence[Subject], demand: Demand, now: datetime) -> list[Standing]:
    """Add a demand to what its subjects have used. Raises `QuotaExceeded`: the transaction must then be undone."""
    standings = []
    wanted = {limit: demand.of(limit.measure) for limit in limits_of(connection, subjects)}
    for limit, used in _add(connection, wanted, now):
        if used > limit.most:
            raise _exceeded(limit, used - wanted[limit], wanted[limit], now)
        standings.append(Standing(limit, used))
    return standings


def correct(
    connection: Connection, subjects: Sequence[Subject], reserved: Demand, used: Demand, reserved_at: datetime
) -> None:
    """Put what was used in the place of what was reserved, in the span in which it was; the request runs no longer."""
    truths = {
        limit: (0 if limit.measure is Measure.CONCURRENT else used.of(limit.measure)) - reserved.of(limit.measure)
        for limit in limits_of(connection, subjects)
    }
    _add(connection, truths, reserved_at)


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


def _add(connection: Connection, more: Mapping[Limit, int], now: datetime) -> list[tuple[Limit, int]]:
    """What is used with it, of each limit in its order. The rows are locked until the transaction ends."""
    if not more:
        return []
    rows = [
        {
            "holder": limit.subject.holder.value,
            "subject": limit.subject.id,
            "measure": limit.measure.value,
            "span": window(limit.measure, now),
            "used": used,
        }
        for limit, used in more.items()
    ]
    added = connection.execute(_adding(connection.dialect.name), rows)
    used = {(row.holder, row.subject, row.measure): int(row.used) for row in added}
    return [(limit, used[limit.subject.holder.value, limit.subject.id, limit.measure.value]) for limit in more]


@cache
def _adding(dialect: str) -> Executable:
    """The statement that adds to counters, or makes them. Built once: building it takes longer than running it."""
    adding = upsert(dialect, counters)
    more = {"used": counters.c.used + adding.excluded.used}
    known = adding.on_conflict_do_update(index_elements=["holder", "subject", "measure", "span"], set_=more)
    return known.returning(counters.c.holder, counters.c.subject, counters.c.measure, counters.c.used)


def _limit(row: Row[Any]) -> Limit:
    return Limit(Subject(Holder(row.holder), row.subject), Measure(row.measure), row.most)


def _exceeded(limit: Limit, used: int, wanted: int, now: datetime) -> QuotaExceeded:
    seconds = seconds_left(limit.measure, now)
    measure, subject = limit.measure, limit.subject
    left = max(limit.most - used, 0)
    message = (
        f"the limit of {amount(measure, limit.most)} ({measure.value}) of the {subject.holder.value} {subject.id!r}"
        f" leaves {amount(measure, left)}, and this request may take {amount(measure, wanted)}."
    )
    frees = "when another request of it has ended" if measure is Measure.CONCURRENT else f"in {seconds:.0f} s"
    refusal = QuotaExceeded(message, where=measure.value, hint=f"It frees {frees}.", retry_after=seconds)
    refusal.measure, refusal.most, refusal.left = measure.value, limit.most, left
    return refusal
