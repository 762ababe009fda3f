"""What engines were asked and answered, kept where the house wants it, so that an answer can be made again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from galerne.engine.request import GenerationRequest
from galerne.flows.meter import Account, Claim, Meter


@dataclass(frozen=True, slots=True)
class KeptChoice:
    asked: GenerationRequest
    tokens: tuple[int, ...]  # that arrived, as far as it was waited for


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """One answer's requests to an engine. `Keeping` sets every field."""

    id: str  # of the answer
    workspace: str
    user: str | None
    choices: tuple[KeptChoice, ...]


class RequestStore(Protocol):
    """Its methods block."""

    def keep(self, request: KeptRequest) -> None: ...

    def find(self, id: str) -> KeptRequest | None: ...

    def tidy(self) -> None:
        """Remove those that are old enough."""


class Keeping:
    """A meter whose answers are kept with what was asked for them."""

    def __init__(self, meter: Meter, store: RequestStore) -> None:
        self._meter = meter
        self._store = store
        self.reserve = meter.reserve
        self.count = meter.count
        self.settle = meter.settle
        self.note_first = meter.note_first

    async def close(self, claim: Claim, accounts: Sequence[Account]) -> None:
        try:
            if claim.asked and accounts:
                await asyncio.to_thread(self._store.keep, _kept(claim, accounts))
        finally:
            await self._meter.close(claim, accounts)


def _kept(claim: Claim, accounts: Sequence[Account]) -> KeptRequest:
    tokens = {account.id: account.tokens for account in accounts}
    choices = tuple(KeptChoice(asked, tokens[asked.id]) for asked in claim.asked if asked.id in tokens)
    return KeptRequest(claim.id, claim.caller.workspace, claim.caller.user, choices)
