"""API keys: shown once, kept as a hash, valid until they expire or are revoked."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import uuid4

PREFIX = "gal-"
SHOWN = len(PREFIX) + 6
"""So much of a key is kept in plain text, so that its holder can tell which one it is."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; not the key itself."""

    id: str
    name: str  # what people call it
    prefix: str  # its first characters
    workspace: str
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    last_used: datetime | None = None  # to the minute

    def valid(self, now: datetime) -> bool:
        return self.revoked is None and (self.expires is None or now < self.expires)


class Keys(Protocol):
    """Who keeps them. Its methods block."""

    def add(self, key: Key, digest: str) -> None:
        """Keep a new one, and its workspace if that is new."""

    def find(self, digest: str) -> Key | None:
        """The key with this hash."""

    def all(self) -> list[Key]:
        """The newest first."""

    def revoke(self, id: str, when: datetime) -> bool:
        """From this time on it is not valid; False when there is no such key."""

    def used(self, id: str, when: datetime) -> None:
        """It was shown."""


def make_key(name: str, workspace: str, now: datetime, expires: datetime | None) -> tuple[str, Key]:
    """A new key, and what is kept of it. 256 random bits: nobody guesses it, and a plain hash of it tells nothing."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return secret, Key(f"key-{uuid4().hex[:16]}", name, secret[:SHOWN], workspace, now, expires)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
