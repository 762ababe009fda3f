"""Links to chats, in a table. Fills the port `ShareStore`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Double, ForeignKey, Row, String, Table, delete, func, insert, select

from galerne.assistant.chats import Owner
from galerne.assistant.shares import SharedTree
from galerne.errors import NotFound, TooLarge
from galerne.protocol.shares import Share
from galerne.store.chat_messages import find_message, read_messages
from galerne.store.chats import card_of, chats, find_chat
from galerne.store.database import Database
from galerne.store.metadata import metadata

shares = Table(
    "chat_shares",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256 of the token
    Column("chat", String(64), ForeignKey("chats.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("message", String(64), nullable=False),  # the last one that is shared
    Column("created_at", Double, nullable=False),  # seconds since 1970
)


class SqlShares:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, owner: Owner, share: Share, digest: str, most: int) -> None:
        with self._database.write() as connection:
            find_chat(connection, owner, share.chat, lock=True)
            find_message(connection, share.chat, share.message)
            count = select(func.count()).where(shares.c.chat == share.chat)
            if connection.execute(count).scalar_one() >= most:
                raise TooLarge(f"the chat has {most} links already.", hint="Withdraw some.")
            connection.execute(insert(shares).values(digest=digest, **share.model_dump(exclude={"object"})))

    def list(self, owner: Owner, chat: str) -> list[Share]:
        newest = select(shares).where(shares.c.chat == chat).order_by(shares.c.created_at.desc(), shares.c.id)
        with self._database.read() as connection:
            find_chat(connection, owner, chat)
            return [_share(row) for row in connection.execute(newest)]

    def delete(self, owner: Owner, chat: str, id: str) -> None:
        dead = delete(shares).where(shares.c.chat == chat, shares.c.id == id).returning(shares.c.id)
        with self._database.write() as connection:
            find_chat(connection, owner, chat)
            if connection.execute(dead).first() is None:
                raise NotFound(f"the chat has no link {id[:100]!r}.")

    def follow(self, digest: str) -> SharedTree:
        with self._database.read() as connection:
            row = connection.execute(select(shares).where(shares.c.digest == digest)).one_or_none()
            if row is None:
                raise NotFound("this link leads nowhere (any more).")
            chat = connection.execute(select(chats).where(chats.c.id == row.chat)).one()
            return SharedTree(_share(row), card_of(chat), read_messages(connection, row.chat))


def _share(row: Row[Any]) -> Share:
    return Share(id=row.id, chat=row.chat, message=row.message, created_at=row.created_at)
