"""How long people wish their chats to be kept. Fills the port `RetentionStore`."""

from __future__ import annotations

import time

from sqlalchemy import Column, Integer, String, Table, delete, exists, insert, or_, select

from galerne.assistant.chats import Owner
from galerne.store.chats import chats
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.owned import owned

DAY = 86_400
"""Seconds."""

chat_retention = Table(
    "chat_retention",
    metadata,
    Column("workspace", String(64), primary_key=True),
    Column("user", String(64), primary_key=True),
    Column("days", Integer, nullable=False),
)


class SqlRetentions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def days(self, owner: Owner) -> int | None:
        with self._database.read() as connection:
            return connection.execute(select(chat_retention.c.days).where(owned(chat_retention, owner))).scalar()

    def put(self, owner: Owner, days: int | None) -> None:
        with self._database.write() as connection:
            connection.execute(delete(chat_retention).where(owned(chat_retention, owner)))
            if days is not None:
                row = {"workspace": owner.workspace, "user": owner.user, "days": days}
                connection.execute(insert(chat_retention).values(row))

    def remove_expired(self, most_days: int | None) -> int:
        now = time.time()
        wished = (
            (chat_retention.c.workspace == chats.c.workspace)
            & (chat_retention.c.user == chats.c.user)
            & (chats.c.updated_at < now - chat_retention.c.days * DAY)
        )
        old = [exists().where(wished), *([] if most_days is None else [chats.c.updated_at < now - most_days * DAY])]
        with self._database.write() as connection:
            return connection.execute(delete(chats).where(or_(*old))).rowcount
