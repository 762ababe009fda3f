"""Passwords, as Argon2id hashes (RFC 9106), with the parameters that its authors recommend where memory is scarce."""

from __future__ import annotations

import secrets
import threading
from datetime import datetime
from functools import cached_property
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2
"""Each check takes 64 MiB and all of a core for a while: no more of them at once, however many people sign in."""


class Passwords(Protocol):
    """Who keeps the hashes. Its methods block."""

    def get(self, user: str) -> str | None:
        """None for whoever has no password."""

    def put(self, user: str, hash: str, when: datetime) -> None: ...


class Hasher:
    """Makes and checks hashes. Its methods block."""

    def __init__(self, argon2: PasswordHasher | None = None) -> None:
        self._argon2 = argon2 or PasswordHasher()
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    @cached_property
    def _nobodys(self) -> str:
        return self._argon2.hash(secrets.token_urlsafe(16))

    def hash(self, password: str) -> str:
        with self._turns:
            return self._argon2.hash(password)

    def verify(self, hash: str | None, password: str) -> bool:
        """Whether it is the password; `hash` None, for whoever has none, takes just as long, and is never it."""
        try:
            with self._turns:
                right = self._argon2.verify(hash or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return right and hash is not None

    def stale(self, hash: str) -> bool:
        """Whether it was made with other parameters than these: whoever sees the password next makes it anew."""
        return self._argon2.check_needs_rehash(hash)
