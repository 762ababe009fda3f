"""A tamper-evident log of this installation: take it elsewhere, say how far it is, check what was taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography.x509 import Certificate

from galerne.errors import BadFile
from galerne.ledger.canonical import canonical
from galerne.ledger.chain import Fault, Head, faults
from galerne.ledger.heads import SignedHead, read_head, sign_head
from galerne.ledger.logs import Log
from galerne.ledger.signing import PublicKey, SigningKey
from galerne.ledger.timestamps import check_timestamp


class SignedLog:
    """Its methods block."""

    def __init__(
        self, name: str, log: Log, key: SigningKey, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """`name`: which log it is, as its heads say."""
        self.name = name
        self.key = key.public  # what whoever checks it needs
        self._log = log
        self._signing = key
        self._clock = clock

    def lines(self) -> Iterator[str]:
        return self._log.lines()

    def head(self) -> dict[str, Any]:
        """How far it is, signed: to be kept in another place."""
        return sign_head(self.name, self._log.head(), self._clock().isoformat(timespec="seconds"), self._signing)


def read_records(lines: Iterable[str]) -> Iterator[dict[str, Any] | None]:
    """The records of an exported log; None for a line that is none.

    Each is spelled in one way: else a line could be changed that says the same afterwards.
    """
    for line in lines:
        record = _object(line)
        try:
            whole = record is not None and canonical(record).decode() == line.removesuffix("\n")
        except (ValueError, RecursionError):  # what canonical JSON cannot say
            whole = False
        yield record if whole else None


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_heads(
    lines: Iterable[str], log: str, key: PublicKey, where: str, roots: Sequence[Certificate] = ()
) -> list[SignedHead]:
    """The heads that were kept of a log, one in a line, their timestamps checked by these roots of authorities.

    Raises `BadFile`, which names `where`.
    """
    heads = []
    for line in lines:
        if not line.strip():
            continue
        document = _object(line) or {}
        head = read_head(document.get("head", document), key, where)
        if roots and "timestamp" in document:
            check_timestamp(head.document, str(document["timestamp"]), roots, where)
        if head.log != log:
            raise BadFile(f"is a head of another log, {head.log!r}.", where=where)
        heads.append(head)
    return heads


def checked(lines: Iterable[str], key: PublicKey, heads: Iterable[Head] = ()) -> tuple[int, list[Fault]]:
    """How many records there are, and every place where the log was changed."""
    count = 0

    def counted() -> Iterator[dict[str, Any] | None]:
        nonlocal count
        for count, record in enumerate(read_records(lines), 1):  # noqa: B007
            yield record

    found = list(faults(counted(), key, heads))
    return count, found
