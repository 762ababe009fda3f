"""The log of receipts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, Column, Index, String, Table, Text, select

from galerne.ledger.chain import Head
from galerne.store.database import Database
from galerne.store.log_table import LogTable
from galerne.store.metadata import metadata

receipts = Table(
    "receipts",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(80), nullable=False, unique=True),  # of the answer
    Column("workspace", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("record", Text, nullable=False),
    Index("ix_receipts_workspace", "workspace", "number"),
)

receipt_log = LogTable(receipts, lock=4_716_238_060)


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
            yield from receipt_log.lines(connection)

    def head(self) -> Head:
        with self._database.read() as connection:
            return receipt_log.head(connection)
