"""What was used: a row for each answer, and daily sums of them, which are what questions are answered from.

A day's sums of one key, user and model are one row, written with the answer's own row. A million answers are some ten
thousand sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    DateTime,
    Index,
    Row,
    Select,
    String,
    Table,
    cast,
    func,
    insert,
    select,
)

from galerne.ledger.quota import Measure, Subject, window_start
from galerne.ledger.usage import Usage, UsageQuery, UsageSum
from galerne.store.metadata import metadata
from galerne.store.prepared import Prepared
from galerne.store.upsert import upsert


def who_asks_what() -> list[Column[Any]]:
    """What a reservation and the usage that it becomes have in common."""
    return [
        Column("organisation", String(64), nullable=False),
        Column("workspace", String(64), nullable=False),
        Column("user", String(64)),
        Column("key", String(64)),
        Column("endpoint", String(64), nullable=False),
        Column("model", String(128), nullable=False),
    ]


def _amounts() -> list[Column[Any]]:
    names = ("input_tokens", "cached_tokens", "output_tokens", "embedding_tokens", "nano_euros")
    return [Column(name, BigInteger, nullable=False) for name in names]


usage = Table(
    "usage",
    metadata,
    Column("id", String(80), primary_key=True),
    *who_asks_what(),
    Column("time", DateTime(timezone=True), nullable=False),
    *_amounts(),
    Column("cpu_microseconds", BigInteger),
    Column("millijoules", BigInteger),
    Column("reason", String(16), nullable=False),
    Index("ix_usage_time", "time"),
    Index("ix_usage_workspace_time", "workspace", "time"),
)

daily_usage = Table(
    "daily_usage",
    metadata,
    Column("day", Date, primary_key=True),  # in UTC
    Column("organisation", String(64), primary_key=True),
    Column("workspace", String(64), primary_key=True),
    Column("user", String(64), primary_key=True),  # "": nobody in particular
    Column("key", String(64), primary_key=True),  # "": none
    Column("model", String(128), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    *_amounts(),
    Column("cpu_microseconds", BigInteger, nullable=False),
    Column("millijoules", BigInteger, nullable=False),  # of those of which they are known
    Column("measured", BigInteger, nullable=False),  # how many these are
    Index("ix_daily_usage_workspace", "workspace", "day"),
)

_KEY = [column.name for column in daily_usage.primary_key]
_SUMS = [column.name for column in daily_usage.c if not column.primary_key]

_INSERT = Prepared(insert(usage))


@cache
def _adding(dialect: str) -> Prepared:
    """The statement that adds to a day's sums, or makes them."""
    adding = upsert(dialect, daily_usage)
    more = {name: daily_usage.c[name] + adding.excluded[name] for name in _SUMS}
    return Prepared(adding.on_conflict_do_update(index_elements=_KEY, set_=more))


def record_usage(connection: Connection, answers: Sequence[Usage]) -> None:
    """Write the row of each answer, and add it to its day."""
    rows = [{name: getattr(used, name) for name in Usage.__slots__} for used in answers]
    _INSERT.run_each(connection, rows)
    _adding(connection.dialect.name).run_each(connection, map(_day_of, rows))


def _day_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer adds to its day's sums."""
    return {
        "day": row["time"].astimezone(UTC).date(),
        "requests": 1,
        "measured": int(row["millijoules"] is not None),
        **{name: row[name] or "" for name in _KEY if name in row},
        **{name: row[name] or 0 for name in _SUMS if name in row},
    }


def daily_sums(connection: Connection) -> Select[Any]:
    """What the daily sums should be, from the answers' own rows."""
    rows = usage.c
    postgresql = connection.dialect.name == "postgresql"
    day = cast(func.timezone("UTC", rows.time), Date) if postgresql else func.date(rows.time, type_=Date)
    key = [day, rows.organisation, rows.workspace]
    key += [func.coalesce(rows.user, ""), func.coalesce(rows.key, ""), rows.model]
    amounts = [func.coalesce(func.sum(rows[name]), 0) for name in _SUMS if name in rows]
    return select(*key, func.count(), *amounts, func.count(rows.millijoules)).group_by(*key)


def usage_sums(connection: Connection, query: UsageQuery) -> list[UsageSum]:
    name = daily_usage.c[query.by]
    wanted = (
        select(name.label("name"), *(func.sum(daily_usage.c[column]).label(column) for column in _SUMS))
        .where(daily_usage.c.day.between(query.since, query.until))
        .group_by(name)
        .order_by(name)
    )
    if query.workspace is not None:
        wanted = wanted.where(daily_usage.c.workspace == query.workspace)
    return [_usage_sum(row) for row in connection.execute(wanted)]


def used_since(connection: Connection, subject: Subject, measure: Measure, now: datetime) -> int:
    """What a subject has used in the span that `now` is in."""
    start = window_start(measure, now)
    table = daily_usage if measure.is_monthly else usage
    tokens = table.c.input_tokens + table.c.cached_tokens + table.c.output_tokens + table.c.embedding_tokens
    amount = {
        "requests": func.sum(daily_usage.c.requests) if table is daily_usage else func.count(),
        "tokens": func.sum(tokens),
        "nano_euros": func.sum(table.c.nano_euros),
    }[measure.counts]
    since = daily_usage.c.day >= start.date() if table is daily_usage else usage.c.time >= start
    found = connection.execute(select(amount).where(table.c[subject.holder.value] == subject.id, since))
    return int(found.scalar() or 0)


def _usage_sum(row: Row[Any]) -> UsageSum:
    return UsageSum(
        name=str(row.name) or None,
        requests=int(row.requests),
        input_tokens=int(row.input_tokens),
        cached_tokens=int(row.cached_tokens),
        output_tokens=int(row.output_tokens),
        embedding_tokens=int(row.embedding_tokens),
        nano_euros=int(row.nano_euros),
        cpu_seconds=int(row.cpu_microseconds) / 1e6,
        joules=int(row.millijoules) / 1000 if row.measured else None,
    )
