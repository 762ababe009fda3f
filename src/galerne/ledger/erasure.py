"""Erasing a person: what is theirs is removed, what says who they are is made unreadable, and a certificate says so.

    each Erasable removes what belongs to them -> their key is destroyed, and that is a record -> certificate

Records stay as they are, so the log stays whole; what was encrypted in them nobody can read any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from galerne.ledger.chain import Head
from galerne.ledger.signing import SigningKey


class Erasable(Protocol):
    """Keeps something that belongs to people. Whoever keeps such things has one, and `bootstrap` registers it."""

    def erase(self, user: str) -> Mapping[str, int]:
        """Remove all that belongs to the user with this id: of what, and how many. Blocks.

        Doing it again changes nothing: an erasure that was interrupted is begun anew.
        """


def certificate(
    pseudonym: str | None, counts: Mapping[str, int], head: Head, time: str, key: SigningKey
) -> dict[str, Any]:
    """What was done, signed. It names the person as the records do, which nothing leads to any more."""
    return key.sign(
        {
            "kind": "erasure",
            "version": 1,
            "person": pseudonym,  # None: the audit log never had anything of them
            "removed": dict(counts),
            "time": time,
            "audit": {"size": head.size, "last": head.last},  # the log, with the record that says so
            "key": key.public.id,
        }
    )
