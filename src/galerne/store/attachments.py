"""The texts of attachments, in a table. Fills the port `AttachmentStore`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from galerne.assistant.attachments import KeptAttachment
from galerne.assistant.chats import Owner
from galerne.errors import NotFound, TooLarge
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.owned import owned

attachments = Table(
    "attachments",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("user", String(64), nullable=False),
    Column("chat", String(64), ForeignKey("chats.id", ondelete="CASCADE"), index=True),  # NULL: it was not sent yet
    Column("name", Text, nullable=False),
    Column("media_type", String(127), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("encoding", String(32)),
    Column("pages", Integer),
    Column("created_at", Double, nullable=False),  # seconds since 1970
    Column("expires_at", Double),  # NULL: it goes with its chat
    Column("text", Text, nullable=False),
    Index(None, "workspace", "user"),
    Index(None, "expires_at"),
)

_FIELDS = [attachments.c[name] for name in KeptAttachment.__slots__]


class SqlAttachments:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, owner: Owner, attachment: KeptAttachment, most: int) -> None:
        with self._database.write() as connection:
            unsent = select(func.count()).where(owned(attachments, owner), _unsent())
            if connection.execute(unsent).scalar_one() >= most:
                raise TooLarge(f"{most} files wait to be sent already.", where="file", hint="Send or delete some.")
            values = {name: getattr(attachment, name) for name in KeptAttachment.__slots__}
            row = values | {"workspace": owner.workspace, "user": owner.user}
            connection.execute(insert(attachments).values(row))

    def find(self, owner: Owner, ids: Sequence[str]) -> list[KeptAttachment]:
        wanted = select(*_FIELDS).where(owned(attachments, owner), attachments.c.id.in_(ids), _alive())
        with self._database.read() as connection:
            known = {row.id: _attachment(row) for row in connection.execute(wanted)}
        return [_there(known.get(id), id) for id in ids]

    def delete(self, owner: Owner, id: str) -> None:
        mine = owned(attachments, owner) & (attachments.c.id == id) & _unsent()
        with self._database.write() as connection:
            _there(connection.execute(delete(attachments).where(mine).returning(attachments.c.id)).scalar(), id)

    def remove_expired(self) -> None:
        with self._database.write() as connection:
            connection.execute(delete(attachments).where(~_alive()))


def attach(connection: Connection, owner: Owner, chat: str, ids: Sequence[str]) -> None:
    """Let these attachments belong to a chat. Raises `NotFound` for one that is not there, or another chat's."""
    free = or_(_unsent() & _alive(), attachments.c.chat == chat)
    for id in ids:
        mine = owned(attachments, owner) & (attachments.c.id == id) & free
        kept = update(attachments).where(mine).values(chat=chat, expires_at=None).returning(attachments.c.id)
        _there(connection.execute(kept).scalar(), id)


def _there(found: Any, id: str) -> Any:
    if found is None:
        raise NotFound(f"there is no attachment {id[:100]!r} here that was not sent.", where="attachments")
    return found


def _unsent() -> ColumnElement[bool]:
    return attachments.c.chat.is_(None)


def _alive() -> ColumnElement[bool]:
    return or_(attachments.c.expires_at.is_(None), attachments.c.expires_at > time.time())


def _attachment(row: Row[Any]) -> KeptAttachment:
    return KeptAttachment(**row._mapping)
