"""API keys and their secrets' hashes. Fills the port `Keys`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    ForeignKey,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from galerne.errors import NotFound
from galerne.identity.keys import Key, Opened
from galerne.identity.permissions import Permission
from galerne.store.database import Database
from galerne.store.directory import USER, USERS, user_of, users
from galerne.store.metadata import metadata
from galerne.store.prepared import Prepared
from galerne.store.times import utc

keys = Table(
    "keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("prefix", String(16), nullable=False),  # of its newest secret
    Column("user", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("scopes", Text),  # words with spaces between; NULL: all that its holder may do
    Column("origins", Text),  # with spaces between; NULL: wherever
    Column("created", DateTime(timezone=True), nullable=False),
    Column("expires", DateTime(timezone=True)),
    Column("revoked", DateTime(timezone=True)),
    Column("last_used", DateTime(timezone=True)),
)

key_secrets = Table(
    "key_secrets",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("key", ForeignKey("keys.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("prefix", String(16), nullable=False),
    Column("expires", DateTime(timezone=True)),  # NULL: with its key
)

LOCK = 4_716_238_063  # of PostgreSQL's advisory locks

_SETS = ("scopes", "origins")
"""Columns of words with spaces between."""

_ALL = select(keys, users.c.workspace).join(users)

_BY_SECRET = Prepared(
    select(
        keys,
        users.c.workspace,
        key_secrets.c.prefix.label("shown"),
        key_secrets.c.expires.label("until"),
        *(column.label(f"holder_{column.name}") for column in USER),
    )
    .select_from(USERS.join(keys, keys.c.user == users.c.id).join(key_secrets))
    .where(key_secrets.c.digest == bindparam("shown_digest"))
)


class SqlKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: Key, digest: str) -> None:
        with self._database.write() as connection:
            _add(connection, key, digest)

    def add_first(self, key: Key, digest: str) -> bool:
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            if connection.execute(select(keys.c.id).limit(1)).first():
                return False
            _add(connection, key, digest)
            return True

    def find(self, digest: str) -> Opened | None:
        with self._database.read() as connection:
            found = _BY_SECRET.rows(connection, {"shown_digest": digest})
        return _opened(found[0]) if found else None

    def page(self, user: str | None, first: int, most: int) -> list[Key]:
        newest = _ALL.order_by(keys.c.created.desc(), keys.c.id).limit(most).offset(first)
        if user is not None:
            newest = newest.where(keys.c.user == user)
        with self._database.read() as connection:
            return [_key(row._mapping) for row in connection.execute(newest)]

    def get(self, id: str) -> Key:
        with self._database.read() as connection:
            row = connection.execute(_ALL.where(keys.c.id == id)).first()
        if row is None:
            raise NotFound(f"there is no key {id[:100]!r}.", where="key")
        return _key(row._mapping)

    def rotate(self, id: str, digest: str, prefix: str, until: datetime) -> None:
        before = (key_secrets.c.key == id, or_(key_secrets.c.expires.is_(None), key_secrets.c.expires > until))
        with self._database.write() as connection:
            connection.execute(update(key_secrets).where(*before).values(expires=until))
            connection.execute(insert(key_secrets).values(digest=digest, key=id, prefix=prefix))
            connection.execute(update(keys).where(keys.c.id == id).values(prefix=prefix))

    def revoke(self, id: str, when: datetime) -> bool:
        with self._database.write() as connection:
            done = connection.execute(
                update(keys).where(keys.c.id == id, keys.c.revoked.is_(None)).values(revoked=when)
            )
            return done.rowcount == 1

    def used(self, id: str, when: datetime) -> None:
        with self._database.write(durable=False) as connection:
            connection.execute(update(keys).where(keys.c.id == id).values(last_used=when))


def _add(connection: Connection, key: Key, digest: str) -> None:
    row = {name: getattr(key, name) for name in Key.__slots__ if name in keys.c}
    for name in _SETS:
        row[name] = None if row[name] is None else " ".join(sorted(row[name]))
    connection.execute(insert(keys).values(row))
    connection.execute(insert(key_secrets).values(digest=digest, key=key.id, prefix=key.prefix))


@lru_cache(maxsize=4096)
def _opened(row: Any) -> Opened:
    """What the columns of `_BY_SECRET` say. The same row comes again with each request of the same caller."""
    known = row._asdict()
    key, until = _key(known), utc({"until": known["until"]})["until"]
    ends = min((time for time in (key.expires, until) if time is not None), default=None)
    holder = {column.name: known[f"holder_{column.name}"] for column in USER}
    return Opened(replace(key, prefix=known["shown"], expires=ends), user_of(holder))


def _key(row: Mapping[Any, Any]) -> Key:
    known = utc(row)
    scopes, origins = (None if known[name] is None else frozenset(known[name].split()) for name in _SETS)
    sets = {"scopes": None if scopes is None else frozenset(map(Permission, scopes)), "origins": origins}
    return Key(**{name: known[name] for name in Key.__slots__} | sets)
