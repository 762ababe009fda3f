"""Receipts: look one up, take the log elsewhere, check what was taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from typing import Any

from galerne.errors import NotFound
from galerne.identity.caller import Caller
from galerne.ledger.chain import Head
from galerne.ledger.receipt_log import ReceiptLog
from galerne.ledger.signing import PublicKey


class Receipts:
    """The receipts of this installation, and the key that whoever checks them needs."""

    def __init__(self, log: ReceiptLog, key: PublicKey) -> None:
        self._log = log
        self.key = key

    async def find(self, id: str, caller: Caller) -> dict[str, Any]:
        """The receipt of one of the caller's answers. Raises `NotFound`."""
        receipt = await asyncio.to_thread(self._log.find, id, caller.workspace)
        if receipt is None:
            raise NotFound(f"there is no receipt of an answer {id[:100]!r}.", where="id")
        return receipt

    def lines(self) -> Iterator[str]:
        return self._log.lines()

    def head(self) -> Head:
        return self._log.head()


def read_records(lines: Iterable[str]) -> Iterator[dict[str, Any] | None]:
    """The records of an exported log; None for a line that is none."""
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        yield record if isinstance(record, dict) else None
