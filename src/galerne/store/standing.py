"""Which users, keys and sessions are still valid. Fills the port `Standing`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select

from galerne.store.database import Database
from galerne.store.directory import USERS, users, workspaces
from galerne.store.keys import keys
from galerne.store.sessions import sessions

_ENABLED = (users.c.disabled.is_(None), workspaces.c.disabled.is_(None))


class SqlStanding:
    def __init__(self, database: Database) -> None:
        self._database = database

    def ended(self, ids: Collection[str], now: datetime) -> set[str]:
        wanted = list(ids)
        valid = (
            select(users.c.id).select_from(USERS).where(users.c.id.in_(wanted), *_ENABLED),
            select(sessions.c.id).where(sessions.c.id.in_(wanted), sessions.c.expires > now),
            select(keys.c.id).where(keys.c.id.in_(wanted), keys.c.revoked.is_(None), _not_over(keys.c.expires, now)),
        )
        with self._database.read() as connection:
            found = {id for query in valid for id in connection.execute(query).scalars()}
        return set(ids) - found


def _not_over(expires: ColumnElement[datetime | None], now: datetime) -> ColumnElement[bool]:
    return or_(expires.is_(None), expires > now)
