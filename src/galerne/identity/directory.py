"""Organisation, workspaces, users: who there is. One installation serves one organisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import uuid4

from galerne.identity.permissions import Permission, Role, permissions_of


@dataclass(frozen=True, slots=True)
class Organisation:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """What owns files, agents, conversations, budgets. Its id is chosen by whoever makes it."""

    id: str
    organisation: str
    name: str
    created: datetime
    disabled: datetime | None = None


class UserKind(StrEnum):
    PERSON = "person"
    SERVICE = "service"  # a service account: a program


@dataclass(frozen=True, slots=True)
class User:
    """A person or a service account, of one workspace and with one role."""

    id: str
    kind: UserKind
    organisation: str
    workspace: str
    role: Role
    name: str
    email: str | None  # in lower case; a service account has none
    created: datetime
    disabled: datetime | None = None  # from when on; of the user, or of the whole workspace

    @property
    def permissions(self) -> frozenset[Permission]:
        return permissions_of(self.role)


@dataclass(frozen=True, slots=True)
class UserChoice:
    """Which users; None: any."""

    kind: UserKind | None = None
    workspace: str | None = None


class Directory(Protocol):
    """Who keeps them. Its methods block; what is not there raises `NotFound`."""

    def organisation(self) -> Organisation: ...

    def rename_organisation(self, name: str) -> None: ...

    def workspace(self, id: str) -> Workspace: ...

    def workspaces(self, first: int, most: int) -> Sequence[Workspace]:
        """By their ids."""

    def add_workspace(self, workspace: Workspace) -> None:
        """Raises `Taken` for an id that is taken."""

    def put_workspace(self, workspace: Workspace) -> None:
        """Instead of the one with its id."""

    def user(self, id: str) -> User: ...

    def user_by_email(self, email: str) -> User: ...

    def users(self, which: UserChoice, first: int, most: int) -> Sequence[User]:
        """The newest first."""

    def add_user(self, user: User) -> None:
        """Raises `Taken` for an email address that another user has."""

    def put_user(self, user: User) -> None:
        """Instead of the one with its id. Raises `Taken`."""

    def remove_user(self, id: str) -> None:
        """And its keys, sessions and password."""


def new_user(kind: UserKind, workspace: Workspace, role: Role, name: str, email: str | None, now: datetime) -> User:
    id = f"{'user' if kind is UserKind.PERSON else 'service'}-{uuid4().hex[:16]}"
    return User(id, kind, workspace.organisation, workspace.id, role, name, email and email.lower(), now)
