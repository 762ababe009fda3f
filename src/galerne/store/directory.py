"""Organisation, workspaces, users. Fills the port `Directory`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, Insert, String, Table, func, insert, select
from sqlalchemy.exc import IntegrityError

from galerne.errors import NotFound, Taken
from galerne.identity.directory import Organisation, User, UserKind, Workspace
from galerne.identity.permissions import Role
from galerne.store.database import Database, searchable
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


class SqlDirectory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def organisation(self) -> Organisation:
        with self._database.read() as connection:
            return Organisation(**connection.execute(select(organisations)).one()._mapping)

    def workspace(self, id: str) -> Workspace:
        with self._database.read() as connection:
            row = connection.execute(select(workspaces).where(workspaces.c.id == searchable(id))).first()
        if row is None:
            raise NotFound(f"there is no workspace {id[:100]!r}.", where="workspace")
        return Workspace(**utc(row._mapping))

    def workspaces(self) -> Sequence[Workspace]:
        with self._database.read() as connection:
            rows = connection.execute(select(workspaces).order_by(workspaces.c.id))
            return [Workspace(**utc(row._mapping)) for row in rows]

    def add_workspace(self, workspace: Workspace) -> None:
        self._add(insert(workspaces).values(asdict(workspace)), f"there is a workspace {workspace.id!r} already.")

    def user(self, id: str) -> User:
        with self._database.read() as connection:
            row = connection.execute(select(*USER).select_from(USERS).where(users.c.id == searchable(id))).first()
        if row is None:
            raise NotFound(f"there is no user {id[:100]!r}.", where="user")
        return user_of(row._mapping)

    def add_user(self, user: User) -> None:
        row = {name: value for name, value in asdict(user).items() if name in users.c}
        self._add(insert(users).values(row), "somebody has this email address already.")

    def _add(self, row: Insert, taken: str) -> None:
        try:
            with self._database.write() as connection:
                connection.execute(row)
        except IntegrityError:
            raise Taken(taken) from None


def user_of(row: Mapping[Any, Any]) -> User:
    """The user in a row that has, among others, the columns `USER`."""
    known = utc(row)
    named = {column.name for column in USER}
    fields = {name: value for name, value in known.items() if name in named}
    return User(**{**fields, "kind": UserKind(known["kind"]), "role": Role(known["role"])})
