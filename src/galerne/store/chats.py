"""Chats, their messages, and the words by which they are found. Fills the port `ChatStore`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Row,
    Select,
    String,
    Table,
    Text,
    delete,
    insert,
    or_,
    select,
    update,
)

from galerne.assistant.chats import LEASE_SECONDS, ChatFilter, Hit, Owner, Place
from galerne.errors import NotFound
from galerne.protocol.chats import ChatCard, ChatMessage, ChatSettings, MessageState
from galerne.store.attachments import attach
from galerne.store.belongings import folders
from galerne.store.chat_messages import (
    find_message,
    insert_messages,
    message_of,
    message_values,
    messages,
    read_messages,
)
from galerne.store.chat_words import having, insert_words, put_words, word_rows, words
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.owned import owned

chats = Table(
    "chats",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("user", String(64), nullable=False),  # "": whoever asks where nobody is asked who they are
    Column("title", Text),
    Column("created_at", Double, nullable=False),  # seconds since 1970
    Column("updated_at", Double, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("folder", String(64), ForeignKey(folders.c.id, ondelete="SET NULL"), index=True),
    Column("settings", Text, nullable=False),  # JSON
    Column("active", String(64)),  # a message
    Index("ix_chats_newest", "workspace", "user", "archived", "updated_at"),
)

_SETTINGS = set(ChatSettings.model_fields)


class SqlChats:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, owner: Owner, chat: ChatCard, added: Sequence[ChatMessage] = ()) -> None:
        found_by = word_rows(chat.id, [(None, chat.title or ""), *((each.id, each.content) for each in added)])
        with self._database.write() as connection:
            _check_folder(connection, owner, chat.folder)
            connection.execute(insert(chats).values(workspace=owner.workspace, user=owner.user, **_row(chat)))
            insert_messages(connection, chat.id, added)
            insert_words(connection, found_by)

    def find(self, owner: Owner, id: str) -> ChatCard:
        with self._database.read() as connection:
            return find_chat(connection, owner, id)

    def messages(self, owner: Owner, id: str) -> list[ChatMessage]:
        with self._database.read() as connection:
            find_chat(connection, owner, id)
            return read_messages(connection, id)

    def message(self, owner: Owner, id: str, message: str) -> ChatMessage:
        with self._database.read() as connection:
            find_chat(connection, owner, id)
            return find_message(connection, id, message)

    def page(self, owner: Owner, which: ChatFilter, most: int, behind: Place | None) -> list[ChatCard]:
        wanted = _mine(owner).where(chats.c.archived == which.archived)
        if which.pinned is not None:
            wanted = wanted.where(chats.c.pinned == which.pinned)
        if which.loose or which.folder is not None:
            wanted = wanted.where(chats.c.folder.is_not_distinct_from(None if which.loose else which.folder))
        if behind is not None:
            same = (chats.c.updated_at == behind.time) & (chats.c.id > behind.id)
            wanted = wanted.where(or_(chats.c.updated_at < behind.time, same))
        newest = wanted.order_by(chats.c.updated_at.desc(), chats.c.id).limit(most)
        with self._database.read() as connection:
            return [card_of(row) for row in connection.execute(newest)]

    def change(self, owner: Owner, id: str, changes: dict[str, Any]) -> ChatCard:
        with self._database.write() as connection:
            card = find_chat(connection, owner, id, lock=True).model_copy(update=changes)
            if "folder" in changes:
                _check_folder(connection, owner, card.folder)
            if card.active is not None and "active" in changes:
                find_message(connection, id, card.active)
            if "title" in changes:
                put_words(connection, id, None, card.title or "")
            connection.execute(update(chats).where(chats.c.id == id).values(_row(card)))
            return card

    def delete(self, owner: Owner, id: str | None) -> list[str]:
        with self._database.write() as connection:
            if id is not None:
                find_chat(connection, owner, id)
            dead = delete(chats).where(owned(chats, owner), *([chats.c.id == id] if id is not None else []))
            return list(connection.execute(dead.returning(chats.c.id)).scalars())

    def ask(
        self, owner: Owner, id: str, added: Sequence[ChatMessage], title: str | None, attached: Sequence[str]
    ) -> None:
        with self._database.write() as connection:
            card = find_chat(connection, owner, id, lock=True)
            if (parent := added[0].parent) is not None:
                find_message(connection, id, parent)
            attach(connection, owner, id, attached)
            insert_messages(connection, id, added)
            for message in added:
                if message.state == "complete":
                    put_words(connection, id, message.id, message.content)
            changes = {"active": added[-1].id, "updated_at": time.time()}
            if card.title is None and title is not None:
                changes["title"] = title
                put_words(connection, id, None, title)
            connection.execute(update(chats).where(chats.c.id == id).values(changes))

    def save(self, message: ChatMessage) -> bool:
        running = (messages.c.id == message.id) & (messages.c.state == "running")
        changed = update(messages).where(running).values(message_values(message)).returning(messages.c.chat)
        with self._database.write() as connection:
            chat = connection.execute(changed).scalar()
            if chat is None:
                return False
            if message.state != "running":
                put_words(connection, chat, message.id, message.content)
                connection.execute(update(chats).where(chats.c.id == chat).values(updated_at=time.time()))
            return True

    def stop(self, owner: Owner, id: str, message: str) -> None:
        with self._database.write() as connection:
            find_chat(connection, owner, id)
            found = find_message(connection, id, message)
            if found.state == "running":
                self._end(connection, id, found, "stopped")

    def put_feedback(self, owner: Owner, id: str, message: ChatMessage) -> None:
        with self._database.write() as connection:
            find_chat(connection, owner, id)
            body = message_values(message)["body"]
            connection.execute(update(messages).where(messages.c.id == message.id).values(body=body))

    def search(self, owner: Owner, wanted: Sequence[str], first: int, most: int) -> list[Hit]:
        found = (
            select(chats, words.c.message.label("found"))
            .join(words, words.c.chat == chats.c.id)
            .where(owned(chats, owner), having(wanted, sqlite=self._database.is_sqlite))
            .order_by(words.c.number.desc())
            .limit(most)
            .offset(first)
        )
        with self._database.read() as connection:
            rows = connection.execute(found).all()
            known = self._known(connection, [row.found for row in rows if row.found is not None])
        return [Hit(card_of(row), known.get(row.found)) for row in rows]

    def settle_interrupted(self) -> None:
        lost = select(messages).where(messages.c.state == "running", messages.c.saved_at < time.time() - LEASE_SECONDS)
        with self._database.write() as connection:
            for row in connection.execute(lost).all():
                self._end(connection, row.chat, message_of(row), "interrupted")

    def _end(self, connection: Connection, chat: str, message: ChatMessage, state: MessageState) -> None:
        """Nobody who answers will say how it ended: it ends with what was saved."""
        ended = message.model_copy(update={"state": state, "receipt": message.id})
        connection.execute(update(messages).where(messages.c.id == message.id).values(message_values(ended)))
        put_words(connection, chat, message.id, message.content)

    def _known(self, connection: Connection, ids: Sequence[str]) -> dict[str, ChatMessage]:
        rows = connection.execute(select(messages).where(messages.c.id.in_(ids)))
        return {row.id: message_of(row) for row in rows}


def _mine(owner: Owner) -> Select[Any]:
    return select(chats).where(owned(chats, owner))


def find_chat(connection: Connection, owner: Owner, id: str, *, lock: bool = False) -> ChatCard:
    """One of a person's; with `lock` nobody else changes it in this transaction. Raises `NotFound`."""
    wanted = _mine(owner).where(chats.c.id == id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    if row is None:
        raise NotFound(f"there is no chat {id[:100]!r} here.")
    return card_of(row)


def _check_folder(connection: Connection, owner: Owner, id: str | None) -> None:
    mine = select(folders.c.id).where(owned(folders, owner), folders.c.id == (id or ""))
    if id is not None and connection.execute(mine).first() is None:
        raise NotFound(f"there is no folder {id[:100]!r} here.", where="folder")


def card_of(row: Row[Any]) -> ChatCard:
    fields = {name: value for name, value in row._mapping.items() if name in ChatCard.model_fields}
    return ChatCard.model_validate(fields | json.loads(row.settings))


def _row(card: ChatCard) -> dict[str, Any]:
    columns = card.model_dump(exclude={"object", *_SETTINGS})
    return columns | {"settings": card.model_dump_json(include=_SETTINGS)}
