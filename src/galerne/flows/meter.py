"""Who keeps account of answers: asked before one is begun, told what each part of it cost, told when it is complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from galerne.engine.events import EndReason, Work
from galerne.engine.request import GenerationRequest
from galerne.identity.caller import Caller
from galerne.ledger.prices import Kind
from galerne.ledger.quota import Standing


@dataclass(frozen=True, slots=True)
class Claim:
    """An answer that is asked for, and the most that it can cost. The flow that answers sets every field."""

    id: str  # of the answer
    endpoint: str  # "/v1/chat/completions", ...
    caller: Caller
    model: str
    digest: str  # SHA-256 of the model's files
    template: str | None  # SHA-256 of the model's chat template; None: it takes no part
    fingerprint: str  # of what computes: equal ones give equal answers to equal requests
    prompts: tuple[tuple[int, ...], ...]  # token ids
    prompt_kind: Kind  # what they count as
    choices: int  # to each prompt; the requests of the first one are "ID-0" to "ID-(choices - 1)"
    most_tokens: int  # of all choices together
    asked: tuple[GenerationRequest, ...] = ()  # of an engine that writes, for all choices

    @property
    def prompt_tokens(self) -> int:
        """Of all prompts."""
        return sum(map(len, self.prompts))


@dataclass(frozen=True, slots=True)
class Account:
    """What one choice cost, from the engine's last word about it. The flow that answers sets every field."""

    id: str  # of the engine's request
    model: str
    digest: str
    reason: EndReason
    work: Work
    tokens: tuple[int, ...] = ()  # that were generated, as far as they arrived here


class Observer(Protocol):
    """Watches."""

    def settle(self, account: Account) -> None:
        """A request that an engine took on has ended, as what it was: answered, stopped, cancelled or failed."""

    def note_first(self, model: str, seconds: float) -> None:
        """The first text of an answer is there, so long after it was asked for."""


class Meter(Observer, Protocol):
    """Keeps account. Each claim that was taken is closed just once, however its answer ends."""

    async def reserve(self, claim: Claim) -> Sequence[Standing]:
        """Set the worst case aside, before anything is computed. Returns how far each limit is used with it.

        Raises `QuotaExceeded`.
        """

    def count(self, claim: Claim) -> None:
        """A token is about to be told."""

    async def close(self, claim: Claim, accounts: Sequence[Account]) -> None:
        """All that was taken on for the claim has ended; it is on record when this returns."""


class Watched:
    """A meter that somebody watches."""

    def __init__(self, meter: Meter, observer: Observer) -> None:
        self._meter = meter
        self._observer = observer
        self.reserve = meter.reserve
        self.count = meter.count
        self.close = meter.close
        self.note_first = observer.note_first

    def settle(self, account: Account) -> None:
        self._observer.settle(account)
        self._meter.settle(account)


class Unlimited:
    """Reserves nothing and records nothing: what a meter that only watches has of this."""

    async def reserve(self, claim: Claim) -> Sequence[Standing]:  # noqa: ARG002
        return ()

    def count(self, claim: Claim) -> None:
        pass

    async def close(self, claim: Claim, accounts: Sequence[Account]) -> None:
        pass


class Tally(Unlimited):
    """Keeps the accounts of this process in memory."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self.firsts: list[str] = []  # the models whose answers have begun

    def settle(self, account: Account) -> None:
        self.accounts.append(account)

    def note_first(self, model: str, seconds: float) -> None:  # noqa: ARG002
        self.firsts.append(model)
