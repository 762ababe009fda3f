"""The log of receipts: each record follows from the one before it, so one is appended at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, String, Table, Text, func, insert, select

from galerne.ledger.canonical import canonical
from galerne.ledger.chain import EMPTY, Head, append
from galerne.ledger.signing import SigningKey
from galerne.store.database import Database
from galerne.store.metadata import metadata

receipts = Table(
    "receipts",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # place in the log
    Column("id", String(80), nullable=False, unique=True),  # of the answer
    Column("workspace", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("record", Text, nullable=False),  # canonical JSON
    Index("ix_receipts_workspace", "workspace", "number"),
)

LOCK = 4_716_238_060  # of PostgreSQL's advisory locks


def append_receipt(
    connection: Connection, id: str, workspace: str, body: Mapping[str, Any], key: SigningKey
) -> dict[str, Any]:
    """Write the next record of the log, in the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    record, head = append(head_of(connection), body, key)
    connection.execute(
        insert(receipts).values(
            number=record["index"],
            id=id,
            workspace=workspace,
            digest=head.last,
            record=canonical(record).decode(),
        )
    )
    return record


def head_of(connection: Connection) -> Head:
    last = connection.execute(select(receipts.c.number, receipts.c.digest).order_by(receipts.c.number.desc()).limit(1))
    row = last.first()
    return EMPTY if row is None else Head(row.number + 1, row.digest)


class SqlReceiptLog:
    """Fills the port `ReceiptLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, id: str, workspace: str) -> dict[str, Any] | None:
        wanted = select(receipts.c.record).where(receipts.c.id == id, receipts.c.workspace == workspace)
        with self._database.read() as connection:
            found = connection.execute(wanted).scalar()
        return None if found is None else json.loads(found)

    def lines(self) -> Iterator[str]:
        with self._database.read() as connection:
            yield from connection.execute(select(receipts.c.record).order_by(receipts.c.number)).scalars()

    def head(self) -> Head:
        with self._database.read() as connection:
            return head_of(connection)
