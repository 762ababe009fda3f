"""A tamper-evident log in a table: each record follows from the one before it, so one is appended at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from galerne.ledger.chain import EMPTY, Head, append
from galerne.ledger.signing import SigningKey
from galerne.store.prepared import Prepared, drive


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be a record."""

    body: Mapping[str, Any]
    columns: Mapping[str, Any]  # of its row, beside those of every log


class LogTable:
    """The table has the columns `number` (place in the log), `digest` and `record` (canonical JSON); others are its
    user's."""

    def __init__(self, table: Table, lock: int) -> None:
        """`lock` is any number of PostgreSQL's advisory locks that nobody else has."""
        self._lock = lock
        columns = table.c
        self._last = Prepared(select(columns.number, columns.digest).order_by(columns.number.desc()).limit(1))
        self._insert = Prepared(insert(table))
        self._lines = select(columns.record).order_by(columns.number).execution_options(yield_per=1000)

    def append(self, connection: Connection, entries: Sequence[Entry], key: SigningKey) -> list[Head]:
        """Write the next records, in the caller's transaction. Returns the head with each of them."""
        self.lock(connection)
        head, heads, rows = self.head(connection), [], []
        for entry in entries:
            record, following = append(head, entry.body, key)
            rows.append({"number": head.size, "digest": following.last, "record": record.decode(), **entry.columns})
            head = following
            heads.append(head)
        self._insert.run_each(connection, rows)
        return heads

    def lock(self, connection: Connection) -> None:
        """Be the only one who appends, until the transaction ends. SQLite has one writer anyway."""
        if connection.dialect.name == "postgresql":
            drive(connection, "execute", f"SELECT pg_advisory_xact_lock({self._lock})")

    def head(self, connection: Connection) -> Head:
        last = self._last.rows(connection, {})
        return Head(last[0].number + 1, last[0].digest) if last else EMPTY

    def lines(self, connection: Connection) -> Iterator[str]:
        yield from connection.execute(self._lines).scalars()
