"""Who is told what each request cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from galerne.engine.events import EndReason, Work


@dataclass(frozen=True, slots=True)
class Account:
    """What one answer cost, from the engine's last word about it. The flow sets every field."""

    id: str  # of the engine's request
    model: str
    digest: str
    reason: EndReason
    work: Work


class Meter(Protocol):
    """Keeps account. Told once for every request that an engine took on, however it ended."""

    def settle(self, account: Account) -> None: ...


class Tally:
    """A meter that keeps the accounts of this process."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []

    def settle(self, account: Account) -> None:
        self.accounts.append(account)
