"""A tamper-evident log in a table: each record follows from the one before it, so one is appended at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select

from galerne.ledger.canonical import canonical
from galerne.ledger.chain import EMPTY, Head, append
from galerne.ledger.signing import SigningKey


class LogTable:
    """The table has the columns `number` (place in the log), `digest` and `record` (canonical JSON); others are its
    user's."""

    def __init__(self, table: Table, lock: int) -> None:
        """`lock` is any number of PostgreSQL's advisory locks that nobody else has."""
        self._table = table
        self._lock = lock

    def append(
        self, connection: Connection, body: Mapping[str, Any], key: SigningKey, **columns: Any
    ) -> tuple[dict[str, Any], Head]:
        """Write the next record, in the caller's transaction, with these columns beside it. Returns the head, too."""
        self.lock(connection)
        record, head = append(self.head(connection), body, key)
        row = {"number": record["index"], "digest": head.last, "record": canonical(record).decode(), **columns}
        connection.execute(insert(self._table).values(row))
        return record, head

    def lock(self, connection: Connection) -> None:
        """Be the only one who appends, until the transaction ends. SQLite has one writer anyway."""
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(self._lock)))

    def head(self, connection: Connection) -> Head:
        columns = self._table.c
        last = select(columns.number, columns.digest).order_by(columns.number.desc()).limit(1)
        row = connection.execute(last).first()
        return EMPTY if row is None else Head(row.number + 1, row.digest)

    def lines(self, connection: Connection) -> Iterator[str]:
        columns = self._table.c
        wanted = select(columns.record).order_by(columns.number).execution_options(yield_per=1000)
        yield from connection.execute(wanted).scalars()
