"""Heads of other installations' logs, which are kept here: the port of whoever keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from galerne.ledger.heads import SignedHead


class KeptHeads(Protocol):
    """Its methods block."""

    def add(self, key: str, head: SignedHead, now: datetime) -> dict[str, Any]:
        """Keep a head that the key with this id signed. Returns the head of its longest log, which may be another one.

        Raises `Taken` when there is another head of the same size: one of the two logs is not what it was.
        """

    def of(self, key: str) -> Sequence[dict[str, Any]]:
        """All heads that this key signed, the shortest log's first."""
