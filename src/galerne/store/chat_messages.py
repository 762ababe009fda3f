"""Messages of chats: rows in the order in which they were made. What is not looked for by itself is JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    insert,
    select,
)

from galerne.assistant.chats import LEASE_SECONDS
from galerne.errors import NotFound
from galerne.protocol.chats import ChatMessage
from galerne.store.metadata import metadata

messages = Table(
    "chat_messages",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),  # the order of arrival
    Column("id", String(64), nullable=False, unique=True),
    Column("chat", String(64), ForeignKey("chats.id", ondelete="CASCADE"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("saved_at", Double, nullable=False),  # seconds since 1970: one that runs is saved again and again
    Column("content", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON: all but the content and the state
    Index(None, "chat", "number"),
    Index(None, "state", "saved_at"),
)

BATCH = 500
"""Rows that are inserted by one statement."""


def insert_messages(connection: Connection, chat: str, added: Iterable[ChatMessage]) -> None:
    rows = [{"id": each.id, "chat": chat, **message_values(each)} for each in added]
    for first in range(0, len(rows), BATCH):
        connection.execute(insert(messages), rows[first : first + BATCH])


def message_values(message: ChatMessage) -> dict[str, Any]:
    return {
        "state": message.state,
        "saved_at": time.time(),
        "content": message.content,
        "body": message.model_dump_json(exclude={"state", "content"}, exclude_defaults=True),
    }


def read_messages(connection: Connection, chat: str) -> list[ChatMessage]:
    """All of a chat's, each after its parent."""
    rows = connection.execute(select(messages).where(messages.c.chat == chat).order_by(messages.c.number))
    return list(map(message_of, rows))


def find_message(connection: Connection, chat: str, id: str) -> ChatMessage:
    """One of a chat's; in a transaction that writes, nobody else changes it. Raises `NotFound`."""
    wanted = select(messages).where(messages.c.id == id, messages.c.chat == chat).with_for_update()
    row = connection.execute(wanted).one_or_none()
    if row is None:
        raise NotFound(f"the chat has no message {id[:100]!r}.")
    return message_of(row)


def message_of(row: Row[Any]) -> ChatMessage:
    """One that runs, and was not saved for some time, is interrupted: nobody is left to say so."""
    lost = row.state == "running" and row.saved_at < time.time() - LEASE_SECONDS
    said = {"state": "interrupted" if lost else row.state, "content": row.content}
    return ChatMessage.model_validate(json.loads(row.body) | said)
