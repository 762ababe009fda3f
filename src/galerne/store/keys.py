"""API keys. Fills the port `Keys`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Column, DateTime, Row, String, Table, insert, select, update

from galerne.identity.keys import Key
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.times import utc

keys = Table(
    "keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("prefix", String(16), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("workspace", String(64), nullable=False, index=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("expires", DateTime(timezone=True)),
    Column("revoked", DateTime(timezone=True)),
    Column("last_used", DateTime(timezone=True)),
)

_KNOWN = [column for column in keys.c if column.name != "digest"]


class SqlKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: Key, digest: str) -> None:
        with self._database.write() as connection:
            connection.execute(insert(keys).values(**asdict(key), digest=digest))

    def find(self, digest: str) -> Key | None:
        with self._database.read() as connection:
            row = connection.execute(select(*_KNOWN).where(keys.c.digest == digest)).first()
        return None if row is None else _key(row)

    def all(self) -> list[Key]:
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(select(*_KNOWN).order_by(keys.c.created.desc()))]

    def revoke(self, id: str, when: datetime) -> bool:
        with self._database.write() as connection:
            done = connection.execute(
                update(keys).where(keys.c.id == id, keys.c.revoked.is_(None)).values(revoked=when)
            )
            return done.rowcount == 1

    def used(self, id: str, when: datetime) -> None:
        with self._database.write() as connection:
            connection.execute(update(keys).where(keys.c.id == id).values(last_used=when))


def _key(row: Row[tuple[object, ...]]) -> Key:
    return Key(**utc(row._mapping))
