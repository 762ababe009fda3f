"""Threads: lines of entries that have a name, a conversation or a response.

Entries hang together like commits: each knows the one before it, a thread knows its last one (`head`). So a thread that
begins in the middle of another shares its entries, and what is said in one is not seen in the other. What was said is
never changed; an entry is deleted with the last thread that leads to it.

One turn at a time adds to a thread. It holds the thread by a lease, which it renews while it runs; the lease of a
process that died runs out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar
from uuid import uuid4

from galerne.protocol.entries import Entry
from galerne.protocol.metadata import Described, Metadata

About = TypeVar("About", bound=Described)
"""What is kept of a thread besides its entries."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to add to a thread. The turn that holds it sets every field."""

    turn: str
    until: float  # seconds since 1970
    user: str | None = None  # whose turn it is; None: nobody knows

    @staticmethod
    def new(seconds: float, user: str | None = None) -> Lease:
        return Lease(new_id("turn"), time.time() + seconds, user)

    def renewed(self, seconds: float) -> Lease:
        return replace(self, until=time.time() + seconds)


@dataclass(frozen=True, slots=True)
class Thread(Generic[About]):
    """A line of entries. The flow that opens it sets every field; the store moves `head` and `updated_at` on."""

    id: str
    workspace: str  # owns it
    created_at: datetime
    updated_at: datetime
    head: str | None  # its last entry; None: there is none yet
    about: About
    leased_until: float | None = None  # seconds since 1970; a turn adds to it until then


class Threads(Protocol[About]):
    """Keeps the threads of one kind, with who opened them, and who added which entries: those whose turn it was.

    Its methods block: call them from a thread of the machine."""

    def open(self, thread: Thread[About], entries: Sequence[Entry], lease: Lease) -> None:
        """Keep a new thread with these entries after its `head`; the lease is held from now on.

        Raises `Busy` when what it goes on from was deleted meanwhile."""

    def find(self, workspace: str, id: str) -> Thread[About]:
        """Raises `NotFound`, also for another workspace's."""

    def page(self, workspace: str, first: int, most: int, metadata: Metadata) -> list[Thread[About]]:
        """At most so many of those with all this metadata, the newest first, from number `first` on."""

    def history(self, head: str | None) -> list[Entry]:
        """All entries up to this one, the first one first."""

    def claim(self, workspace: str, id: str, lease: Lease) -> Thread[About]:
        """Take the right to add. Raises `NotFound`, `Busy` while another turn has it."""

    def renew(self, id: str, lease: Lease) -> None:
        """Hold it longer; without effect when it is lost."""

    def add(self, id: str, lease: Lease, entries: Sequence[Entry]) -> bool:
        """Add at the end. False: the lease is lost, or the thread is deleted; nothing was added."""

    def finish(self, id: str, lease: Lease, entries: Sequence[Entry], about: About | None = None) -> bool:
        """Add the last ones, replace what is kept besides, and give the right back. False: as with `add`."""

    def delete(self, workspace: str, id: str) -> None:
        """Raises `NotFound`."""


def new_id(kind: str) -> str:
    return f"{kind}_{uuid4().hex}"


def now() -> datetime:
    return datetime.now(UTC)
