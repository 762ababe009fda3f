"""Keeps heads for another installation, so that a tail of its logs cannot go unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from galerne.errors import BadFile, InvalidRequest
from galerne.ledger.heads import read_head
from galerne.ledger.signing import PublicKey
from galerne.ledger.witness import KeptHeads


class Witness:
    def __init__(self, heads: KeptHeads, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._heads = heads
        self._clock = clock

    async def keep(self, document: Mapping[str, Any], pem: str) -> dict[str, Any]:
        """The head of the longest log that this key ever signed. Raises `InvalidRequest`, `Taken`."""
        try:
            key = PublicKey.parse(pem.encode(), "public_key")
            head = read_head(document, key, "head")
        except BadFile as error:
            raise InvalidRequest(error.message, where=error.where) from None
        return await asyncio.to_thread(self._heads.add, key.id, head, self._clock())

    async def of(self, key: str) -> Sequence[dict[str, Any]]:
        """All heads that the key with this id signed."""
        return await asyncio.to_thread(self._heads.of, key)
