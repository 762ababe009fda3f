"""Signed heads of logs: small documents to be kept in another place, where whoever holds the log cannot reach them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from galerne.errors import BadFile
from galerne.ledger.chain import Head
from galerne.ledger.signing import PublicKey, SigningKey

KIND = "head"

RECEIPTS, AUDIT = "receipts", "audit"
"""The logs of an installation, as their heads name them."""


_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SignedHead:
    """How far a log was at a time. `read_head` sets every field."""

    log: str
    head: Head
    time: str  # RFC 3339, by the clock of whoever signed
    document: Mapping[str, Any]


def sign_head(log: str, head: Head, time: str, key: SigningKey) -> dict[str, Any]:
    return key.sign(
        {"kind": KIND, "log": log, "size": head.size, "last": head.last, "time": time, "key": key.public.id}
    )


def read_head(document: object, key: PublicKey, where: str) -> SignedHead:
    """The head that a document is. Raises `BadFile`, which names `where`, for one that this key did not sign."""
    if not isinstance(document, Mapping) or document.get("kind") != KIND:
        raise BadFile("is no head of a log.", where=where)
    if not key.verifies(document):
        raise BadFile("is a head that was changed, or that another key signed.", where=where)
    size, last, log = document.get("size"), document.get("last"), document.get("log")
    if not isinstance(size, int) or size < 0 or not _DIGEST.fullmatch(str(last)) or log not in (RECEIPTS, AUDIT):
        raise BadFile("is no head of a log.", where=where)
    return SignedHead(str(log), Head(size, str(last)), str(document.get("time")), document)
