"""A log that nobody can change unseen: each record holds the digest of the one before it, and a signature.

    record 0        record 1              record 2
    previous: 0..0  previous: digest(0)   previous: digest(1)   ...   <- a head, kept elsewhere: size and last digest

An edited, deleted, swapped, repeated or invented record breaks the chain at its place. A tail that was cut off leaves a
whole chain: only a head that was kept outside shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from galerne.ledger.canonical import digest
from galerne.ledger.signing import PublicKey, SigningKey

GENESIS = "0" * 64
"""What the first record has for the digest of the one before."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log is. Whoever keeps one elsewhere can tell later whether the log still holds all that it held."""

    size: int  # records
    last: str  # digest of the last one

    def document(self, time: str) -> dict[str, Any]:
        return {"kind": "head", "size": self.size, "last": self.last, "time": time}


EMPTY = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place where a log is not what was written."""

    index: int  # of the record, from 0
    reason: str


def append(head: Head, body: Mapping[str, Any], key: SigningKey) -> tuple[dict[str, Any], Head]:
    """The next record of a log, signed, and its head with it."""
    record = key.sign({**body, "index": head.size, "previous": head.last, "key": key.public.id})
    return record, Head(head.size + 1, digest(record))


def faults(
    records: Iterable[Record | None], key: PublicKey, heads: Iterable[Head] = (), start: Head = EMPTY
) -> Iterator[Fault]:
    """Every place where the log was changed, in order; none when it is whole.

    A record that cannot even be read is None. `heads` were kept outside; `records` are those that come after `start`.
    """
    wanted = {head.size: head.last for head in heads if head.size > start.size}
    previous, index = start.last, start.size - 1
    for index, record in enumerate(records, start.size):
        fault = _fault(index, record, previous, key)
        if fault is not None:
            yield Fault(index, fault)
        previous = digest(record) if record is not None else ""
        if wanted.pop(index + 1, previous) != previous and fault is None:
            yield Fault(index, "is not the record that was the last one when a head was kept")
    if wanted:
        yield Fault(index + 1, f"is missing: the log held {max(wanted)} records when a head was kept")


def _fault(index: int, record: Record | None, previous: str, key: PublicKey) -> str | None:
    if record is None:
        return "cannot be read"
    if not key.verifies(record):
        return "was changed: its signature does not fit"
    if record.get("index") != index:
        return f"is out of place: it was written as record {record.get('index')}"
    if previous and record.get("previous") != previous:
        return "does not follow from the record before it"
    return None
