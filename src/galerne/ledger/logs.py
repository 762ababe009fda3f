"""The ports of whoever keeps tamper-evident logs. Their methods block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from galerne.ledger.chain import Head


class Log(Protocol):
    """What all of them can do."""

    def lines(self) -> Iterator[str]:
        """The whole log in order, a line of JSON for each record."""

    def head(self) -> Head:
        """How far the log is."""


class ReceiptLog(Log, Protocol):
    def find(self, id: str, workspace: str) -> dict[str, Any] | None:
        """The receipt of a workspace's answer."""
