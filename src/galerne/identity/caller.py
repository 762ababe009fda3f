"""Who asks, as far as the rest of the house needs to know."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from galerne.errors import Forbidden
from galerne.identity.permissions import ALL, Permission

DEFAULT_WORKSPACE = "default"
LOCAL_USER = "local"
"""Whoever sits at this machine, where nobody is asked who they are. Every database has this user, an administrator."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's caller. Whoever fills `Callers` sets who it is and which models it may use; `api.caller` adds from
    where it asks."""

    workspace: str  # owns what the caller makes, and is the salt of the prefix cache
    organisation: str = "default"
    user: str | None = None  # the id of a person or a service account; None only where there are no users: a terminal
    key: str | None = None  # the id of the key that was shown
    session: str | None = None  # the id of the session, for a person who signed in
    permissions: frozenset[Permission] = frozenset()
    origins: frozenset[str] | None = None  # the pages on which its key may be shown; None: wherever
    models: frozenset[str] | None = None  # the only ones that it may use, by their own names; None: all
    request: str | None = None  # its id; None: the server asks itself
    address: str | None = None  # where it came from, as far as the server can see
    patient: bool = False  # whoever waits for an answer goes first: a batch's requests are for nobody who does

    def check(self, *needed: Permission) -> None:
        """Raises `Forbidden` unless the caller has all of these."""
        missing = sorted(set(needed) - self.permissions)
        if missing:
            hint = "An administrator can give you another role, or a key with more scopes."
            raise Forbidden(f"this takes the permission {', '.join(missing)}, which you do not have.", hint=hint)


LOCAL_ADMIN = Caller(DEFAULT_WORKSPACE, user=LOCAL_USER, permissions=ALL)


class Callers(Protocol):
    """Knows callers by what they show."""

    @property
    def open_door(self) -> bool:
        """Whether whoever shows nothing is let in, too."""

    async def identify(self, credential: str | None) -> Caller:
        """The caller with this key; `credential` is None when none was shown. Raises `NotAuthenticated`."""

    async def again(self, caller: Caller) -> Caller | None:
        """A caller from earlier, with the models that it may use now; None when it would not be known any longer."""

    async def lost(self, callers: Collection[Caller]) -> set[Caller]:
        """Those who would not be known any longer: their key was revoked, they were disabled, ..."""


class AllowedModels(Protocol):
    """Knows who may use some models alone."""

    def of(self, caller: Caller) -> frozenset[str] | None:
        """What `Caller.models` says: those that its key, user, workspace and organisation may all use. Blocks."""


class Everyone:
    """Asks nobody for a key: a server for one person or team. All are the same user."""

    open_door = True

    async def identify(self, credential: str | None) -> Caller:  # noqa: ARG002
        return LOCAL_ADMIN

    async def again(self, caller: Caller) -> Caller:
        return caller

    async def lost(self, callers: Collection[Caller]) -> set[Caller]:  # noqa: ARG002
        return set()
