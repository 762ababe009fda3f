"""Organisation, workspaces, users. Fills the port `Directory`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    Delete,
    ForeignKey,
    Insert,
    String,
    Table,
    Update,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from galerne.errors import NotFound, Taken
from galerne.identity.directory import Organisation, User, UserChoice, UserKind, Workspace
from galerne.identity.permissions import Role
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.times import utc

organisations = Table(
    "organisations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(128), nullable=False),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation", ForeignKey("organisations.id"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("disabled", DateTime(timezone=True)),
)

users = Table(
    "users",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("workspace", ForeignKey("workspaces.id"), nullable=False, index=True),
    Column("role", String(16), nullable=False),
    Column("name", String(128), nullable=False),
    Column("email", String(320), unique=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("disabled", DateTime(timezone=True)),
)

USERS = users.join(workspaces)

USER = [
    *(column for column in users.c if column.name != "disabled"),
    func.coalesce(users.c.disabled, workspaces.c.disabled).label("disabled"),
    workspaces.c.organisation,
]
"""What a `User` is made of: columns of `USERS`."""


_USER = select(*USER).select_from(USERS)
_EMAIL_TAKEN = "somebody has this email address already."


class SqlDirectory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def organisation(self) -> Organisation:
        with self._database.read() as connection:
            return Organisation(**connection.execute(select(organisations)).one()._mapping)

    def rename_organisation(self, name: str) -> None:
        with self._database.write() as connection:
            connection.execute(update(organisations).values(name=name))

    def workspace(self, id: str) -> Workspace:
        with self._database.read() as connection:
            row = connection.execute(select(workspaces).where(workspaces.c.id == id)).first()
        if row is None:
            raise NotFound(f"there is no workspace {id[:100]!r}.", where="workspace")
        return Workspace(**utc(row._mapping))

    def workspaces(self, first: int, most: int) -> Sequence[Workspace]:
        with self._database.read() as connection:
            rows = connection.execute(select(workspaces).order_by(workspaces.c.id).limit(most).offset(first))
            return [Workspace(**utc(row._mapping)) for row in rows]

    def add_workspace(self, workspace: Workspace) -> None:
        self._write(insert(workspaces).values(asdict(workspace)), f"there is a workspace {workspace.id!r} already.")

    def put_workspace(self, workspace: Workspace) -> None:
        self._write(update(workspaces).where(workspaces.c.id == workspace.id).values(asdict(workspace)), "")

    def user(self, id: str) -> User:
        return self._user(users.c.id == id, f"there is no user {id[:100]!r}.")

    def user_by_email(self, email: str) -> User:
        return self._user(users.c.email == email.lower(), f"nobody has the email address {email[:100]!r}.")

    def users(self, which: UserChoice, first: int, most: int) -> Sequence[User]:
        query = _USER.order_by(users.c.created.desc(), users.c.id).limit(most).offset(first)
        if which.kind is not None:
            query = query.where(users.c.kind == which.kind)
        if which.workspace is not None:
            query = query.where(users.c.workspace == which.workspace)
        with self._database.read() as connection:
            return [user_of(row._mapping) for row in connection.execute(query)]

    def add_user(self, user: User) -> None:
        self._write(insert(users).values(_row(user)), _EMAIL_TAKEN)

    def put_user(self, user: User) -> None:
        self._write(update(users).where(users.c.id == user.id).values(_row(user)), _EMAIL_TAKEN)

    def remove_user(self, id: str) -> None:
        self._write(delete(users).where(users.c.id == id), "")

    def _user(self, which: ColumnElement[bool], nobody: str) -> User:
        with self._database.read() as connection:
            row = connection.execute(_USER.where(which)).first()
        if row is None:
            raise NotFound(nobody, where="user")
        return user_of(row._mapping)

    def _write(self, statement: Insert | Update | Delete, taken: str) -> None:
        try:
            with self._database.write() as connection:
                connection.execute(statement)
        except IntegrityError:
            raise Taken(taken) from None


def _row(user: User) -> dict[str, Any]:
    return {name: value for name, value in asdict(user).items() if name in users.c}


def user_of(row: Mapping[Any, Any]) -> User:
    """The user in a row that has, among others, the columns `USER`."""
    known = utc(row)
    named = {column.name for column in USER}
    fields = {name: value for name, value in known.items() if name in named}
    return User(**{**fields, "kind": UserKind(known["kind"]), "role": Role(known["role"])})
