"""API keys: shown once, kept as a hash, valid until they expire or are revoked.

A key is what its holder may do, within its scopes; its secret is what a program shows. A key that is rotated gets
another secret, and the old one opens it for a while: its limits and its usage stay its own.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from galerne.identity.directory import User
from galerne.identity.permissions import Permission, permissions_of

PREFIX = "gal-"
SHOWN = len(PREFIX) + 6
"""So much of a key is kept in plain text, so that its holder can tell which one it is."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; not the key itself."""

    id: str
    name: str  # what people call it
    prefix: str  # its newest secret's first characters
    user: str  # who holds it
    workspace: str
    scopes: frozenset[Permission] | None  # None: all that its holder may do
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    last_used: datetime | None = None  # to the minute
    origins: frozenset[str] | None = None  # of the pages on which a browser may show it; None: of all

    def valid(self, now: datetime) -> bool:
        return self.revoked is None and (self.expires is None or now < self.expires)


@dataclass(frozen=True, slots=True)
class Opened:
    """A key by one of its secrets. `Keys.find` sets every field."""

    key: Key  # its prefix and expiry are those of the secret, where that one expires earlier
    holder: User

    @property
    def permissions(self) -> frozenset[Permission]:
        return permissions_of(self.holder.role, self.key.scopes)


class Keys(Protocol):
    """Who keeps them. Its methods block."""

    def add(self, key: Key, digest: str) -> None:
        """Keep a new one."""

    def add_first(self, key: Key, digest: str) -> bool:
        """Keep it if there never was another one; False otherwise."""

    def find(self, digest: str) -> Opened | None:
        """The key with a secret of this hash."""

    def page(self, user: str | None, first: int, most: int) -> list[Key]:
        """The newest first; `user` None: everybody's."""

    def get(self, id: str) -> Key:
        """Raises `NotFound`."""

    def rotate(self, id: str, digest: str, prefix: str, until: datetime) -> None:
        """Give it another secret. Those of before open it no longer than until then."""

    def revoke(self, id: str, when: datetime) -> bool:
        """From this time on it is not valid; False when there is no such key, or it was revoked before."""

    def used(self, id: str, when: datetime) -> None:
        """It was shown."""


def make_key(
    name: str,
    holder: User,
    scopes: frozenset[Permission] | None,
    now: datetime,
    expires: datetime | None,
    origins: frozenset[str] | None = None,
) -> tuple[str, Key]:
    """A new key, and what is kept of it."""
    secret = new_secret()
    id = f"key-{uuid4().hex[:16]}"
    return secret, Key(id, name, secret[:SHOWN], holder.id, holder.workspace, scopes, now, expires, origins=origins)


def new_secret() -> str:
    """256 random bits: nobody guesses it, and a plain hash of it tells nothing."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
