"""Sessions of people who signed in, and the words that let them in: one for a session, one for an invitation."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

from galerne.identity.caller import Caller
from galerne.identity.directory import User

PREFIX = "gas-"
"""What the token of a session begins with."""


@dataclass(frozen=True, slots=True)
class Session:
    """What is known of a session; not its token."""

    id: str
    user: str
    created: datetime
    last_used: datetime  # to the minute
    expires: datetime  # however often it is used
    address: str | None  # where the person signed in from
    agent: str | None  # with which program


class Sessions(Protocol):
    """Who keeps them. Its methods block."""

    def add(self, session: Session, digest: str) -> None: ...

    def find(self, digest: str) -> tuple[Session, User] | None:
        """The session with a token of this hash, and whose it is."""

    def of(self, user: str) -> Sequence[Session]:
        """The newest first."""

    def used(self, id: str, when: datetime) -> None: ...

    def end(self, id: str, user: str) -> bool:
        """False: the user has no such session."""

    def end_all(self, user: str, but: str | None = None) -> None:
        """All of a user's, but one."""

    def sweep(self, now: datetime, unused_since: datetime) -> None:
        """Forget those that are over."""


class Invitations(Protocol):
    """Who keeps them. Its methods block."""

    def put(self, user: str, digest: str, expires: datetime) -> None:
        """Instead of the one that the user had."""

    def take(self, digest: str, now: datetime) -> str | None:
        """Whose it is, this once; None: there is none, or it is over."""


class Tries(Protocol):
    """Counts tries to sign in. Its methods block."""

    def take(self, subjects: Sequence[str], most: int, window: timedelta, now: datetime) -> float:
        """Count one more for each of them, or for none, where one has had `most`: seconds until it may again."""

    def give_back(self, subject: str) -> None:
        """One less."""

    def forget(self, subject: str) -> None: ...


def new_session(
    user: User, now: datetime, lifetime: timedelta, address: str | None, agent: str | None
) -> tuple[str, Session]:
    """A token and its session."""
    id = f"session-{uuid4().hex[:16]}"
    return new_token(), Session(id, user.id, now, now, now + lifetime, address, agent and agent[:256])


def session_caller(session: Session, user: User) -> Caller:
    return Caller(user.workspace, user.organisation, user=user.id, session=session.id, permissions=user.permissions)


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def csrf_token(token: str) -> str:
    """What a page has to send along: another site makes the browser send the cookie, but cannot know this."""
    return hmac.digest(token.encode(errors="surrogatepass"), b"csrf", "sha256").hex()
