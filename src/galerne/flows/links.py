"""Links that let whoever has them read one file, for a while, without a key."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass

from galerne.errors import NotFound


@dataclass(frozen=True, slots=True)
class Link:
    """What a signed URL says. `Signer` sets every field."""

    file: str
    expires: int  # seconds since 1970
    signature: str  # HMAC-SHA256, hexadecimal


class Signer:
    """Signs links, and knows its own again (HMAC-SHA256, RFC 2104)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, file: str, seconds: int) -> Link:
        expires = int(time.time()) + seconds
        return Link(file, expires, self._signature(file, expires))

    def check(self, link: Link) -> None:
        """Raises `NotFound` for a link that is not ours, or has expired."""
        ours = self._signature(link.file, link.expires)
        if not hmac.compare_digest(ours.encode(), link.signature.encode()) or link.expires < time.time():
            raise NotFound("this link is not valid, or has expired.", hint="Ask for a new one.")

    def _signature(self, file: str, expires: int) -> str:
        return hmac.digest(self._key, f"{expires} {file}".encode(), "sha256").hex()
