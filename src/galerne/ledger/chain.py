"""A log that nobody can change unseen: each record holds the digest of the one before it, and a signature.

    record 0        record 1              record 2
    previous: 0..0  previous: digest(0)   previous: digest(1)   ...   <- a head, kept elsewhere: size and last digest

An edited, deleted, swapped, repeated or invented record breaks the chain at its place. A tail that was cut off leaves a
whole chain: only a head that was kept outside shows it. Where records were removed because their time was over, a
checkpoint stands for them: it says how the chain went on behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from galerne.ledger.canonical import digest, digest_of
from galerne.ledger.signing import PublicKey, SigningKey

GENESIS = "0" * 64
"""What the first record has for the digest of the one before."""

CHECKPOINT = "checkpoint"
"""The kind of what stands for records that were removed."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log is. Whoever keeps one elsewhere can tell later whether the log still holds all that it held."""

    size: int  # records
    last: str  # digest of the last one


EMPTY = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place where a log is not what was written."""

    index: int  # of the record, from 0
    reason: str


def append(head: Head, body: Mapping[str, Any], key: SigningKey) -> tuple[bytes, Head]:
    """The next record of a log, signed, as canonical JSON, and the log's head with it."""
    record = key.signed({**body, "index": head.size, "previous": head.last, "key": key.public.id})
    return record, Head(head.size + 1, digest_of(record))


def checkpoint(before: Head, after: Head, time: str, key: SigningKey) -> dict[str, Any]:
    """What stands for the records between two heads, signed."""
    return key.sign(
        {
            "kind": CHECKPOINT,
            "index": before.size,  # of the first record that it stands for
            "previous": before.last,
            "size": after.size,
            "last": after.last,
            "time": time,
            "key": key.public.id,
        }
    )


def faults(
    records: Iterable[Record | None], key: PublicKey, heads: Iterable[Head] = (), start: Head = EMPTY
) -> Iterator[Fault]:
    """Every place where the log was changed, in order; none when it is whole.

    A record that cannot even be read is None. `heads` were kept outside; `records` are those that come after `start`.
    Heads from between records that a checkpoint stands for can tell nothing any more.
    """
    reader = _Reader(key, start, {head.size: head.last for head in heads if head.size > start.size})
    for record in records:
        yield from reader.read(record)
    missing = [size for size in reader.wanted if size > reader.place]
    if missing:
        yield Fault(reader.place, f"is missing: the log held {max(missing)} records when a head was kept")


class _Reader:
    """Goes along a log, and knows what has to come next."""

    def __init__(self, key: PublicKey, start: Head, wanted: dict[int, str]) -> None:
        self.place = start.size  # of the record that has to come
        self.wanted = wanted  # digests that the log had at these sizes
        self._previous: str | None = start.last  # None: not known, as the record before was changed
        self._key = key

    def read(self, record: Record | None) -> Iterator[Fault]:
        if record is None or not self._key.verifies(record):
            yield Fault(self.place, "cannot be read" if record is None else "was changed: its signature does not fit")
            self._go_on(self.place + 1, None)
            return
        index = record.get("index")
        if not isinstance(index, int) or index < self.place:
            yield Fault(self.place, f"is out of place: it was written as record {index}")
            return
        size, last = _behind(record, index)
        if index > self.place:
            yield Fault(self.place, f"is missing: record {index} comes in its place")
        elif self._previous not in (None, record.get("previous")):
            yield Fault(index, "does not follow from the record before it")
        elif self.wanted.get(size, last) != last:
            yield Fault(size - 1, "is not the record that was the last one when a head was kept")
        self._go_on(size, last)

    def _go_on(self, place: int, previous: str | None) -> None:
        self.place, self._previous = place, previous


def _behind(record: Record, index: int) -> tuple[int, str]:
    """The size of the log behind a record, and its last digest."""
    if record.get("kind") == CHECKPOINT:
        return int(record["size"]), str(record["last"])
    return index + 1, digest(record)
