"""The books: what is set aside, what was used and what it costs. Fills the port `Books`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    Index,
    Integer,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)

from galerne.ledger.prices import Kind, Price
from galerne.ledger.quota import NOTHING, Limit, Measure, Standing, Subject, window_start
from galerne.ledger.signing import SigningKey
from galerne.ledger.usage import REVENUE, Reservation, Transfer, Usage, UsageSum, receivable
from galerne.store import quota
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.receipts import append_receipt
from galerne.store.times import utc


def _who_asks_what() -> list[Column[Any]]:
    """What a reservation and the usage that it becomes have in common."""
    return [
        Column("organisation", String(64), nullable=False),
        Column("workspace", String(64), nullable=False),
        Column("user", String(64)),
        Column("key", String(64)),
        Column("endpoint", String(64), nullable=False),
        Column("model", String(128), nullable=False),
    ]


reservations = Table(
    "reservations",
    metadata,
    Column("id", String(80), primary_key=True),
    *_who_asks_what(),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("most_tokens", BigInteger, nullable=False),
    Column("nano_euros", BigInteger, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("journal", String(64), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("template_sha256", String(64)),
    Column("engine", String(128), nullable=False),
    Column("prompt_digest", String(64), nullable=False),
)

usage = Table(
    "usage",
    metadata,
    Column("id", String(80), primary_key=True),
    *_who_asks_what(),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("embedding_tokens", BigInteger, nullable=False),
    Column("nano_euros", BigInteger, nullable=False),
    Column("cpu_microseconds", BigInteger),
    Column("millijoules", BigInteger),
    Column("reason", String(16), nullable=False),
    Index("ix_usage_time", "time"),
    Index("ix_usage_workspace_time", "workspace", "time"),
)

transfers = Table(
    "transfers",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("debit", String(80), nullable=False),
    Column("credit", String(80), nullable=False),
    Column("nano_euros", BigInteger, CheckConstraint("nano_euros > 0", name="positive"), nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
)

prices = Table(
    "prices",
    metadata,
    Column("model", String(128), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("since", Date, primary_key=True),
    Column("nano_euros", BigInteger, nullable=False),
)


class SqlBooks:
    """The books in one database; receipts are signed with `key`."""

    def __init__(self, database: Database, key: SigningKey) -> None:
        self._database = database
        self._key = key

    def reserve(self, reservation: Reservation) -> Sequence[Standing]:
        with self._database.write() as connection:
            standings = quota.count(connection, reservation.subjects, reservation.demand, reservation.created)
            connection.execute(insert(reservations).values(**asdict(reservation)))
        return standings

    def close(self, reservation: Reservation, used: Usage | None, receipt: Mapping[str, Any] | None) -> None:
        with self._database.write() as connection:
            closed = connection.execute(delete(reservations).where(reservations.c.id == reservation.id))
            if closed.rowcount == 0:
                return  # by somebody else, or before
            truth = used.demand if used is not None else NOTHING
            quota.correct(connection, reservation.subjects, reservation.demand, truth, reservation.created)
            if used is not None:
                self._record(connection, used)
            if receipt is not None:
                append_receipt(connection, reservation.id, reservation.workspace, receipt, self._key)

    def open_reservations(self) -> list[Reservation]:
        with self._database.read() as connection:
            rows = connection.execute(select(reservations)).mappings()
            return [Reservation(**utc(row)) for row in rows]

    def limits(self) -> list[Limit]:
        with self._database.read() as connection:
            return quota.all_limits(connection)

    def set_limit(self, subject: Subject, measure: Measure, most: int | None, now: datetime) -> None:
        with self._database.write() as connection:
            if most is None:
                quota.remove_limit(connection, subject, measure)
            else:
                used = _used(connection, subject, measure, now)
                quota.replace_limit(connection, Limit(subject, measure, most), used, now)

    def prices(self) -> list[Price]:
        with self._database.read() as connection:
            rows = connection.execute(select(prices)).mappings()
            return [Price(row["model"], Kind(row["kind"]), row["since"], row["nano_euros"]) for row in rows]

    def set_price(self, price: Price) -> None:
        same = (prices.c.model == price.model, prices.c.kind == price.kind.value, prices.c.since == price.since)
        with self._database.write() as connection:
            connection.execute(delete(prices).where(*same))
            connection.execute(insert(prices).values(**asdict(price)))

    def usage(self, by: str, since: date, until: date) -> list[UsageSum]:
        name = func.date(usage.c.time) if by == "day" else usage.c[by]
        sums = [func.coalesce(func.sum(usage.c[column]), 0).label(column) for column in _SUMMED]
        first = datetime.combine(since, time.min, UTC)
        behind = datetime.combine(until + timedelta(days=1), time.min, UTC)
        wanted = (
            select(name.label("name"), func.count().label("requests"), *sums, func.sum(usage.c.millijoules).label("mj"))
            .where(usage.c.time >= first, usage.c.time < behind)
            .group_by(name)
            .order_by(name)
        )
        with self._database.read() as connection:
            return [_usage_sum(row) for row in connection.execute(wanted)]

    def balance(self) -> dict[str, int]:
        """What each account owes (more than 0) or is owed; together it is zero."""
        with self._database.read() as connection:
            owed: dict[str, int] = {}
            for account, sign in ((transfers.c.debit, 1), (transfers.c.credit, -1)):
                rows = connection.execute(select(account, func.sum(transfers.c.nano_euros)).group_by(account))
                for name, total in rows:
                    owed[name] = owed.get(name, 0) + sign * int(total)
            return owed

    def _record(self, connection: Connection, used: Usage) -> None:
        connection.execute(insert(usage).values(**asdict(used)))
        if used.nano_euros:
            transfer = Transfer(used.id, receivable(used.workspace), REVENUE, used.nano_euros, used.time)
            connection.execute(insert(transfers).values(**asdict(transfer)))


_SUMMED = ("input_tokens", "cached_tokens", "output_tokens", "embedding_tokens", "nano_euros", "cpu_microseconds")


def _usage_sum(row: Row[Any]) -> UsageSum:
    return UsageSum(
        name=None if row.name is None else str(row.name),
        requests=row.requests,
        input_tokens=int(row.input_tokens),
        cached_tokens=int(row.cached_tokens),
        output_tokens=int(row.output_tokens),
        embedding_tokens=int(row.embedding_tokens),
        nano_euros=int(row.nano_euros),
        cpu_seconds=int(row.cpu_microseconds) / 1e6,
        joules=None if row.mj is None else int(row.mj) / 1000,
    )


def _used(connection: Connection, subject: Subject, measure: Measure, now: datetime) -> int:
    """What a subject has used, and reserved, in the span that `now` is in."""
    holder = subject.holder.value
    start = window_start(measure, now)
    total = 0
    if measure is not Measure.CONCURRENT:
        amount = {
            "requests": func.count(),
            "tokens": func.sum(
                usage.c.input_tokens + usage.c.cached_tokens + usage.c.output_tokens + usage.c.embedding_tokens
            ),
            "nano_euros": func.sum(usage.c.nano_euros),
        }[measure.counts]
        settled = select(amount).where(usage.c[holder] == subject.id, usage.c.time >= start)
        total = int(connection.execute(settled).scalar() or 0)
    open_ones = connection.execute(select(reservations).where(reservations.c[holder] == subject.id)).mappings()
    reserved = [Reservation(**utc(row)) for row in open_ones]
    return total + sum(
        each.demand.of(measure) for each in reserved if measure is Measure.CONCURRENT or each.created >= start
    )
