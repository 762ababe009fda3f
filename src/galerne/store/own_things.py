"""What a user made, beside their chats, for them to take along: of all that an erasure removes. Fills `OwnThings`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from galerne.errors import NotFound
from galerne.flows.stored_files import ContentStore
from galerne.store.agents import agents, versions
from galerne.store.attachments import attachments
from galerne.store.batches import jobs
from galerne.store.chat_retention import chat_retention
from galerne.store.chats import chats
from galerne.store.database import Database
from galerne.store.entries import read_entries
from galerne.store.files import files
from galerne.store.kept_requests import kept_requests
from galerne.store.sessions import sessions
from galerne.store.shares import shares
from galerne.store.threads import threads

_JSON = frozenset({"about", "definition", "metadata", "input_files", "errors", "body"})
_SECRET = frozenset({"digest", "turn", "leased_until"})


class SqlOwnThings:
    def __init__(self, database: Database, contents: ContentStore) -> None:
        self._database = database
        self._contents = contents

    def lists(self, user: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        with self._database.read() as connection:
            for kind in ("conversation", "response"):
                yield f"{kind}s", list(_threads(connection, (threads.c.user == user) & (threads.c.kind == kind)))
            yield "agents", list(_agents(connection, user))
            for name, table in (("files", files), ("batches", jobs), ("requests", kept_requests)):
                yield name, list(_rows(connection, table, table.c.user == user))
            unsent = (attachments.c.user == user) & attachments.c.chat.is_(None)
            yield "attachments", list(_rows(connection, attachments, unsent))
            theirs = shares.c.chat.in_(select(chats.c.id).where(chats.c.user == user))
            yield "shares", list(_rows(connection, shares, theirs))
            yield "sessions", list(_rows(connection, sessions, sessions.c.user == user))
            yield "retention", list(_rows(connection, chat_retention, chat_retention.c.user == user))

    def contents(self, user: str) -> Iterator[tuple[str, Path]]:
        with self._database.read() as connection:
            ids = connection.execute(select(files.c.id).where(files.c.user == user)).scalars().all()
        for id in ids:
            try:
                yield id, self._contents.path(id)
            except NotFound:  # it expired meanwhile
                continue


def _rows(connection: Connection, table: Table, which: ColumnElement[bool]) -> Iterator[dict[str, Any]]:
    for row in connection.execute(select(table).where(which)).mappings():
        known = {name: value for name, value in row.items() if name not in _SECRET and value is not None}
        yield {name: json.loads(value) if name in _JSON else value for name, value in known.items()}


def _threads(connection: Connection, which: ColumnElement[bool]) -> Iterator[dict[str, Any]]:
    for row in _rows(connection, threads, which):
        said = [entry.model_dump(mode="json", exclude_none=True) for entry in read_entries(connection, row.get("head"))]
        yield row | {"entries": said}


def _agents(connection: Connection, user: str) -> Iterator[dict[str, Any]]:
    for row in _rows(connection, agents, agents.c.user == user):
        yield row | {"versions": list(_rows(connection, versions, versions.c.agent == row["id"]))}
