"""Threads of entries, each kind with what it keeps besides: fills the port `Threads`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Generic

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    ForeignKey,
    Index,
    Row,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from galerne.agents.threads import About, Lease, Thread
from galerne.errors import Busy, NotFound
from galerne.protocol.entries import Entry
from galerne.protocol.metadata import Described, Metadata
from galerne.store.database import Database
from galerne.store.entries import delete_entries, entries, insert_entries, read_entries
from galerne.store.labels import labelled, put_labels
from galerne.store.metadata import metadata as tables

threads = Table(
    "threads",
    tables,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("workspace", String, nullable=False),
    Column("created_at", Double, nullable=False),  # seconds since 1970
    Column("updated_at", Double, nullable=False),
    Column("head", ForeignKey(entries.c.id), index=True),  # the last entry
    Column("turn", String),  # who may add entries
    Column("leased_until", Double),
    Column("about", Text, nullable=False),  # JSON
    Column("user", String(64), index=True),  # who opened it; NULL: nobody knows
    Index("ix_threads_newest", "workspace", "kind", "created_at"),
)


class SqlThreads(Generic[About]):
    """The threads of one kind."""

    def __init__(self, database: Database, kind: str, about: type[About], holder: str = "") -> None:
        """`holder` names this process, by which `free_threads` finds what it held when it died."""
        self._database = database
        self._kind = kind
        self._about = about
        self._holder = holder

    def open(self, thread: Thread[About], added: Sequence[Entry], lease: Lease) -> None:
        with self._meanwhile(), self._database.write() as connection:
            row = insert(threads).values(
                id=thread.id,
                kind=self._kind,
                workspace=thread.workspace,
                created_at=thread.created_at.timestamp(),
                updated_at=thread.updated_at.timestamp(),
                head=insert_entries(connection, thread.head, added, lease.user),
                turn=self._turn(lease),
                leased_until=lease.until,
                about=_json(thread.about),
                user=lease.user,
            )
            connection.execute(row)
            put_labels(connection, thread.id, thread.about.metadata or {})

    def find(self, workspace: str, id: str) -> Thread[About]:
        with self._database.read() as connection:
            return self._find(connection, workspace, id)

    def page(self, workspace: str, first: int, most: int, metadata: Metadata) -> list[Thread[About]]:
        newest = (
            self._mine(workspace)
            .where(labelled(threads.c.id, metadata))
            .order_by(threads.c.created_at.desc(), threads.c.id)
            .limit(most)
            .offset(first)
        )
        with self._database.read() as connection:
            return [self._thread(row) for row in connection.execute(newest)]

    def history(self, head: str | None) -> list[Entry]:
        with self._database.read() as connection:
            return read_entries(connection, head)

    def claim(self, workspace: str, id: str, lease: Lease) -> Thread[About]:
        free = or_(threads.c.leased_until.is_(None), threads.c.leased_until < time.time())
        take = update(threads).where(threads.c.id == id, threads.c.workspace == workspace, free)
        with self._database.write() as connection:
            taken = connection.execute(take.values(turn=self._turn(lease), leased_until=lease.until)).rowcount
            thread = self._find(connection, workspace, id)  # after the lock is taken: as the last turn left it
        if not taken:
            hint = "Wait until it is answered, or restart the conversation from an entry."
            raise Busy("an answer is on its way already.", where=id, hint=hint)
        return thread

    def renew(self, id: str, lease: Lease) -> None:
        with self._database.write() as connection:
            connection.execute(update(threads).where(self._held(id, lease)).values(leased_until=lease.until))

    def add(self, id: str, lease: Lease, added: Sequence[Entry]) -> bool:
        return self._add(id, lease, added, {})

    def finish(self, id: str, lease: Lease, added: Sequence[Entry], about: About | None = None) -> bool:
        values = {"turn": None, "leased_until": None}
        return self._add(id, lease, added, values if about is None else {**values, "about": _json(about)})

    def delete(self, workspace: str, id: str) -> None:
        with self._meanwhile(), self._database.write() as connection:
            thread = self._find(connection, workspace, id)
            connection.execute(delete(threads).where(threads.c.id == thread.id))
            put_labels(connection, thread.id, {})
            delete_entries(connection, thread.head, threads.c.head)

    @contextmanager
    def _meanwhile(self) -> Iterator[None]:
        """Of two that change what they share, a beginning of threads, the later one comes too late."""
        try:
            yield
        except IntegrityError:
            raise Busy(f"the {self._kind} that this one goes on from was changed meanwhile.") from None

    def _add(self, id: str, lease: Lease, added: Sequence[Entry], values: dict[str, Any]) -> bool:
        held = select(threads.c.head).where(self._held(id, lease)).with_for_update()
        with self._database.write() as connection:
            row = connection.execute(held).one_or_none()
            if row is None:
                return False
            changed = {
                "head": insert_entries(connection, row.head, added, lease.user),
                "updated_at": time.time(),
                **values,
            }
            connection.execute(update(threads).where(threads.c.id == id).values(changed))
            return True

    def _mine(self, workspace: str) -> Select[Any]:
        return select(threads).where(threads.c.workspace == workspace, threads.c.kind == self._kind)

    def _find(self, connection: Connection, workspace: str, id: str) -> Thread[About]:
        row = connection.execute(self._mine(workspace).where(threads.c.id == id)).one_or_none()
        if row is None:
            raise NotFound(f"there is no {self._kind} {id[:100]!r} here.")
        return self._thread(row)

    def _thread(self, row: Row[Any]) -> Thread[About]:
        return Thread(
            id=row.id,
            workspace=row.workspace,
            created_at=datetime.fromtimestamp(row.created_at, UTC),
            updated_at=datetime.fromtimestamp(row.updated_at, UTC),
            head=row.head,
            about=self._about.model_validate_json(row.about),
            leased_until=row.leased_until,
        )

    def _held(self, id: str, lease: Lease) -> ColumnElement[bool]:
        return and_(threads.c.id == id, threads.c.turn == self._turn(lease))

    def _turn(self, lease: Lease) -> str:
        return f"{self._holder}/{lease.turn}"


def free_threads(database: Database, holders: Iterable[str]) -> None:
    """Give back what these processes held, as they are no more."""
    with database.write() as connection:
        for holder in holders:
            held = threads.c.turn.startswith(f"{holder}/", autoescape=True)
            connection.execute(update(threads).where(held).values(turn=None, leased_until=None))


def erase_threads(connection: Connection, user: str) -> Counter[str]:
    """Delete those that a user opened, with the entries that no other thread leads to. Says how many of each kind."""
    gone = connection.execute(delete(threads).where(threads.c.user == user).returning(threads)).all()
    for row in gone:
        put_labels(connection, row.id, {})
        delete_entries(connection, row.head, threads.c.head)
    return Counter(f"{row.kind}s" for row in gone)


def _json(about: Described) -> str:
    return about.model_dump_json(exclude_unset=True, by_alias=True)
