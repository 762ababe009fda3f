"""Heads of other installations' logs. Fills the port `KeptHeads`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, String, Table, Text, insert, select
from sqlalchemy.exc import IntegrityError

from galerne.errors import Taken
from galerne.ledger.canonical import canonical
from galerne.ledger.heads import SignedHead
from galerne.store.database import Database
from galerne.store.metadata import metadata

kept_heads = Table(
    "kept_heads",
    metadata,
    Column("key", String(16), primary_key=True),  # the id of the key that signed it
    Column("log", String(16), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("last", String(64), nullable=False),
    Column("head", Text, nullable=False),  # canonical JSON
    Column("received", DateTime(timezone=True), nullable=False),
)


class SqlKeptHeads:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: str, head: SignedHead, now: datetime) -> dict[str, Any]:
        mine = (kept_heads.c.key == key, kept_heads.c.log == head.log)
        same = select(kept_heads.c.last).where(*mine, kept_heads.c.size == head.head.size)
        row = {"key": key, "log": head.log, "size": head.head.size, "last": head.head.last, "received": now}
        try:
            with self._database.write() as connection:
                known = connection.execute(same).scalar()
                if known not in (None, head.head.last):
                    raise _forked(head)
                if known is None:
                    connection.execute(insert(kept_heads).values(**row, head=canonical(head.document).decode()))
                longest = select(kept_heads.c.head).where(*mine).order_by(kept_heads.c.size.desc()).limit(1)
                return dict(json.loads(connection.execute(longest).scalar_one()))
        except IntegrityError:  # another one came at the same time
            raise _forked(head) from None

    def of(self, key: str) -> Sequence[dict[str, Any]]:
        wanted = select(kept_heads.c.head).where(kept_heads.c.key == key)
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(kept_heads.c.log, kept_heads.c.size)).scalars()
            return [json.loads(row) for row in rows]


def _forked(head: SignedHead) -> Taken:
    return Taken(f"another head of {head.head.size} records is kept: one of the two logs is not what it was.")
