"""One form of bytes for each JSON value (RFC 8785), so that a hash or a signature is over known bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785


def canonical(value: Mapping[str, Any]) -> bytes:
    """The bytes. Integers beyond 2**53 are not JSON's: they must be strings. Raises `ValueError`."""
    return rfc8785.dumps(dict(value))


def joined(*parts: bytes) -> bytes:
    """The canonical bytes of an object, from those of objects that have its first names, its next ones, and so on."""
    return b"{" + b",".join(part[1:-1] for part in parts if part != b"{}") + b"}"


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return digest_of(canonical(value))


def digest_of(text: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(text).hexdigest()
