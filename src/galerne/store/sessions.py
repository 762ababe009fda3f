"""Passwords, sessions, invitations, tries to sign in. Fills their ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from galerne.identity.directory import User
from galerne.identity.sessions import Session
from galerne.store.database import Database
from galerne.store.directory import USER, USERS, user_of, users
from galerne.store.metadata import metadata
from galerne.store.prepared import Prepared
from galerne.store.times import utc
from galerne.store.upsert import upsert

passwords = Table(
    "passwords",
    metadata,
    Column("user", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", Text, nullable=False),
    Column("changed", DateTime(timezone=True), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("user", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("last_used", DateTime(timezone=True), nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
    Column("address", String(64)),
    Column("agent", String(256)),
)

invitations = Table(
    "invitations",
    metadata,
    Column("user", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("expires", DateTime(timezone=True), nullable=False),
)

tries = Table(
    "sign_in_tries",
    metadata,
    Column("subject", String(80), primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("count", Integer, nullable=False),
)

_KNOWN = [column for column in sessions.c if column.name != "digest"]

_BY_TOKEN = Prepared(
    select(*_KNOWN, *(column.label(f"user_{column.name}") for column in USER))
    .select_from(USERS.join(sessions, sessions.c.user == users.c.id))
    .where(sessions.c.digest == bindparam("shown_digest"))
)


class SqlPasswords:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user: str) -> str | None:
        with self._database.read() as connection:
            return connection.execute(select(passwords.c.hash).where(passwords.c.user == user)).scalar()

    def put(self, user: str, hash: str, when: datetime) -> None:
        with self._database.write() as connection:
            changed = update(passwords).where(passwords.c.user == user).values(hash=hash, changed=when)
            if not connection.execute(changed).rowcount:
                connection.execute(insert(passwords).values(user=user, hash=hash, changed=when))


class SqlSessions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: Session, digest: str) -> None:
        with self._database.write() as connection:
            connection.execute(insert(sessions).values(**asdict(session), digest=digest))

    def find(self, digest: str) -> tuple[Session, User] | None:
        with self._database.read() as connection:
            found = _BY_TOKEN.rows(connection, {"shown_digest": digest})
        if not found:
            return None
        known = utc(found[0]._asdict())
        user = user_of({column.name: known[f"user_{column.name}"] for column in USER})
        return Session(**{name: known[name] for name in Session.__slots__}), user

    def of(self, user: str) -> Sequence[Session]:
        mine = select(*_KNOWN).where(sessions.c.user == user).order_by(sessions.c.created.desc(), sessions.c.id)
        with self._database.read() as connection:
            return [Session(**utc(row._mapping)) for row in connection.execute(mine)]

    def used(self, id: str, when: datetime) -> None:
        with self._database.write(durable=False) as connection:
            connection.execute(update(sessions).where(sessions.c.id == id).values(last_used=when))

    def end(self, id: str, user: str) -> bool:
        with self._database.write() as connection:
            mine = delete(sessions).where(sessions.c.id == id, sessions.c.user == user)
            return connection.execute(mine).rowcount == 1

    def end_all(self, user: str, but: str | None = None) -> None:
        with self._database.write() as connection:
            others = () if but is None else (sessions.c.id != but,)
            connection.execute(delete(sessions).where(sessions.c.user == user, *others))

    def sweep(self, now: datetime, unused_since: datetime) -> None:
        over = or_(sessions.c.expires <= now, sessions.c.last_used <= unused_since)
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(over))


class SqlInvitations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, user: str, digest: str, expires: datetime) -> None:
        with self._database.write() as connection:
            connection.execute(delete(invitations).where(invitations.c.user == user))
            connection.execute(insert(invitations).values(user=user, digest=digest, expires=expires))

    def take(self, digest: str, now: datetime) -> str | None:
        this = delete(invitations).where(invitations.c.digest == digest, invitations.c.expires > now)
        with self._database.write() as connection:
            return connection.execute(this.returning(invitations.c.user)).scalar()


class SqlTries:
    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, subjects: Sequence[str], most: int, window: timedelta, now: datetime) -> float:
        with self._database.write() as connection:
            self._remove_over(connection, now - window)
            # Every transaction locks the rows in one order, those that it adds among them: none waits in a circle.
            counted = {subject: self._row_of(connection, subject, now) for subject in sorted(subjects)}
            full = [utc(row._mapping)["since"] for row in counted.values() if row._mapping["count"] >= most]
            if full:
                return float((max(full) + window - now).total_seconds())
            for subject in counted:
                more = update(tries).where(tries.c.subject == subject).values(count=tries.c.count + 1)
                connection.execute(more)
        return 0.0

    def _remove_over(self, connection: Connection, since: datetime) -> None:
        """Whose window is over; what somebody else holds, the next one removes."""
        over = select(tries.c.subject).where(tries.c.since <= since).with_for_update(skip_locked=True)
        connection.execute(delete(tries).where(tries.c.subject.in_(over)))

    def _row_of(self, connection: Connection, subject: str, now: datetime) -> Row[Any]:
        """The subject's row, which nobody else changes until the transaction ends."""
        first = upsert(connection.dialect.name, tries).values(subject=subject, since=now, count=0)
        connection.execute(first.on_conflict_do_nothing())
        return connection.execute(select(tries).where(tries.c.subject == subject).with_for_update()).one()

    def give_back(self, subject: str) -> None:
        with self._database.write() as connection:
            this = tries.c.subject == subject, tries.c.count > 0
            connection.execute(update(tries).where(*this).values(count=tries.c.count - 1))

    def forget(self, subject: str) -> None:
        with self._database.write() as connection:
            connection.execute(delete(tries).where(tries.c.subject == subject))
