"""One form of bytes for each JSON value (RFC 8785), so that a hash or a signature is over known bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import rfc8785

LARGEST = 2**53 - 1
"""Integers beyond it are not JSON's: they must be strings."""

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode


def canonical(value: Mapping[str, Any]) -> bytes:
    """The bytes. Raises `ValueError` for what has no such form."""
    value = dict(value)
    return _encode(value).encode() if _is_plain(value) else rfc8785.dumps(value)


def _is_plain(value: Any) -> bool:
    """Whether Python's own encoder, which is much faster, writes it in the same way: there are no fractions, and names
    are ASCII, which has the same order in UTF-16."""
    match value:
        case None | bool() | str():
            return True
        case int():
            return -LARGEST <= value <= LARGEST
        case dict():
            return all(isinstance(name, str) and name.isascii() and _is_plain(each) for name, each in value.items())
        case list():
            return all(map(_is_plain, value))
        case _:
            return False


def joined(*parts: bytes) -> bytes:
    """The canonical bytes of an object, from those of objects that have its first names, its next ones, and so on."""
    return b"{" + b",".join(part[1:-1] for part in parts if part != b"{}") + b"}"


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return digest_of(canonical(value))


def digest_of(text: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(text).hexdigest()
