"""The books: what is set aside, what was used and what it costs. Fills the port `Books`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
)

from galerne.ledger.audit import answer_given
from galerne.ledger.books import Closing
from galerne.ledger.prices import Kind, Price
from galerne.ledger.quota import Allowance, Limit, Measure, Standing, Subject, window_start
from galerne.ledger.signing import SigningKey
from galerne.ledger.usage import REVENUE, Reservation, Transfer, Usage, UsageQuery, UsageSum, receivable
from galerne.store import quota
from galerne.store.allowed_models import all_allowances, replace_allowance
from galerne.store.audit import append_events
from galerne.store.database import Database
from galerne.store.log_table import Entry
from galerne.store.metadata import metadata
from galerne.store.prepared import Prepared, numbered, padded, places
from galerne.store.receipts import receipt_log
from galerne.store.reconciliation import disagreements
from galerne.store.times import utc
from galerne.store.transfers import balance_of, post
from galerne.store.usage import record_usage, usage_sums, used_since, who_asks_what

reservations = Table(
    "reservations",
    metadata,
    Column("id", String(80), primary_key=True),
    *who_asks_what(),
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
    Column("request", String(100)),
)

prices = Table(
    "prices",
    metadata,
    Column("model", String(128), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("since", Date, primary_key=True),
    Column("nano_euros", BigInteger, nullable=False),
)


_RESERVE = Prepared(insert(reservations))
_PRICES = Prepared(select(prices))
_PRICES_OF = Prepared(select(prices).where(prices.c.model == bindparam("model")))


class SqlBooks:
    """The books in one database; receipts are signed with `key`."""

    def __init__(self, database: Database, key: SigningKey) -> None:
        self._database = database
        self._key = key

    def reserve(self, reservation: Reservation) -> Sequence[Standing]:
        with self._database.write(durable=False) as connection:
            standings = quota.count(connection, reservation.subjects, reservation.demand, reservation.created)
            _RESERVE.run(connection, {name: getattr(reservation, name) for name in Reservation.__slots__})
        return standings

    def close(self, closings: Sequence[Closing]) -> None:
        with self._database.write() as connection:
            receipt_log.lock(connection)  # who closes takes turns, so that no two wait for each other
            ids = padded([closing.reservation.id for closing in closings])
            ours = {
                row.id for row in _remove(len(ids)).rows(connection, numbered({"id": id} for id in ids))
            }  # others were closed before
            closed = [closing for closing in closings if closing.reservation.id in ours]
            quota.correct(connection, closed)
            if settled := [each for each in closed if each.settled is not None]:
                self._record(connection, settled)

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

    def forget_minutes(self, before: datetime) -> None:
        with self._database.write(durable=False) as connection:
            quota.forget_minutes(connection, before)

    def allowances(self) -> list[Allowance]:
        with self._database.read() as connection:
            return all_allowances(connection)

    def allow(self, allowance: Allowance) -> None:
        with self._database.write() as connection:
            replace_allowance(connection, allowance)

    def prices(self, model: str | None = None) -> list[Price]:
        wanted = _PRICES if model is None else _PRICES_OF
        with self._database.read() as connection:
            rows = wanted.rows(connection, {"model": model})
        return [Price(row.model, Kind(row.kind), row.since, row.nano_euros) for row in rows]

    def set_price(self, price: Price) -> None:
        same = (prices.c.model == price.model, prices.c.kind == price.kind.value, prices.c.since == price.since)
        with self._database.write() as connection:
            connection.execute(delete(prices).where(*same))
            connection.execute(insert(prices).values(**asdict(price)))

    def disagreements(self) -> list[str]:
        with self._database.read() as connection:
            return list(disagreements(connection))

    def usage(self, query: UsageQuery) -> list[UsageSum]:
        with self._database.read() as connection:
            return usage_sums(connection, query)

    def balance(self) -> dict[str, int]:
        """What each account owes (more than 0) or is owed; together it is zero."""
        with self._database.read() as connection:
            return balance_of(connection)

    def _record(self, connection: Connection, closed: Sequence[Closing]) -> None:
        """What answers came to: their rows, charges and receipts, and on the audit log that they were given."""
        settled = [each.settled for each in closed if each.settled is not None]
        used = [usage for usage, _ in settled]
        record_usage(connection, used)
        post(connection, [_charge(usage) for usage in used if usage.nano_euros])
        receipts = [Entry(receipt, {"id": usage.id, "workspace": usage.workspace}) for usage, receipt in settled]
        heads = receipt_log.append(connection, receipts, self._key)
        given = [
            (answer_given(usage, head.last, each.reservation.request), usage.time)
            for each, usage, head in zip(closed, used, heads, strict=True)
        ]
        append_events(connection, given, self._key)


@cache
def _remove(count: int) -> Prepared:
    """The statement that removes so many reservations, and tells which were there."""
    these = reservations.c.id.in_(places("id", count))
    return Prepared(delete(reservations).where(these).returning(reservations.c.id))


def _charge(used: Usage) -> Transfer:
    return Transfer(used.id, receivable(used.workspace), REVENUE, used.nano_euros, used.time)


def _used(connection: Connection, subject: Subject, measure: Measure, now: datetime) -> int:
    """What a subject has used, and reserved, in the span that `now` is in."""
    holder, start = subject.holder.value, window_start(measure, now)
    total = 0 if measure is Measure.CONCURRENT else used_since(connection, subject, measure, now)
    open_ones = connection.execute(select(reservations).where(reservations.c[holder] == subject.id)).mappings()
    reserved = [Reservation(**utc(row)) for row in open_ones]
    return total + sum(
        each.demand.of(measure) for each in reserved if measure is Measure.CONCURRENT or each.created >= start
    )
