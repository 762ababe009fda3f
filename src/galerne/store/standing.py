"""Which users, keys and sessions are still valid. Fills the port `Standing`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache

from sqlalchemy import bindparam, or_, select

from galerne.store.database import Database
from galerne.store.directory import USERS, users, workspaces
from galerne.store.keys import keys
from galerne.store.prepared import Prepared, numbered, padded, places
from galerne.store.sessions import sessions


@cache
def _valid(count: int) -> tuple[Prepared, ...]:
    """The statements that find which of so many ids are valid."""
    enabled = (users.c.disabled.is_(None), workspaces.c.disabled.is_(None))
    not_over = or_(keys.c.expires.is_(None), keys.c.expires > bindparam("now"))
    wanted = places("id", count)
    return (
        Prepared(select(users.c.id).select_from(USERS).where(users.c.id.in_(wanted), *enabled)),
        Prepared(select(sessions.c.id).where(sessions.c.id.in_(wanted), sessions.c.expires > bindparam("now"))),
        Prepared(select(keys.c.id).where(keys.c.id.in_(wanted), keys.c.revoked.is_(None), not_over)),
    )


class SqlStanding:
    def __init__(self, database: Database) -> None:
        self._database = database

    def ended(self, ids: Collection[str], now: datetime) -> set[str]:
        listed = padded(ids)
        wanted = {**numbered({"id": id} for id in listed), "now": now}
        with self._database.read() as connection:
            found = {row.id for query in _valid(len(listed)) for row in query.rows(connection, wanted)}
        return set(ids) - found
