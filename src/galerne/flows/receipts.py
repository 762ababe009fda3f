"""Receipts: look one up, take the log elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

from galerne.errors import NotFound
from galerne.flows.signed_log import SignedLog
from galerne.identity.caller import Caller
from galerne.ledger.heads import RECEIPTS
from galerne.ledger.logs import ReceiptLog
from galerne.ledger.signing import SigningKey


class Receipts(SignedLog):
    """The receipts of this installation, and the key that whoever checks them needs."""

    def __init__(self, log: ReceiptLog, key: SigningKey) -> None:
        super().__init__(RECEIPTS, log, key)
        self._receipts = log

    async def find(self, id: str, caller: Caller) -> dict[str, Any]:
        """The receipt of one of the caller's answers. Raises `NotFound`."""
        receipt = await asyncio.to_thread(self._receipts.find, id, caller.workspace)
        if receipt is None:
            raise NotFound(f"there is no receipt of an answer {id[:100]!r}.", where="id")
        return receipt
