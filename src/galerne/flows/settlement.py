"""What an answer came to: its row of usage and its receipt, however it ended."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime

from galerne.engine.events import EndReason
from galerne.flows.meter import Account, Claim
from galerne.ledger.books import Settled
from galerne.ledger.energy import Grid, Power, energy_of
from galerne.ledger.prices import Cost, Kind, PriceList
from galerne.ledger.receipt import Answered, pseudonym, receipt_body, salted_digest
from galerne.ledger.usage import LOST, Reservation


class Settlement:
    """How answers of this installation are settled."""

    def __init__(self, secret: bytes, power: Power | None = None, grid: Grid | None = None) -> None:
        """`secret` makes pseudonyms and salts; `power` and `grid` are what energy is estimated with."""
        self._secret = secret
        self._power = power
        self._grid = grid

    def digest(self, id: str, texts: Sequence[Sequence[int]]) -> str:
        """Of the prompts, or the answers, of the answer with this id."""
        salt = hmac.new(self._secret, id.encode(), hashlib.sha256).digest()
        return salted_digest(_token_bytes(texts), salt)

    def of(
        self, reservation: Reservation, claim: Claim, accounts: Sequence[Account], prices: PriceList, now: datetime
    ) -> Settled:
        """An answer of which the engine told the end of every choice."""
        costs = _costs(reservation, counted_tokens(claim, accounts), prices)
        in_order = sorted(accounts, key=lambda account: int(account.id.rpartition("-")[2]))
        return self._settled(
            reservation,
            now,
            costs,
            cpu_seconds=_total([account.work.cpu_seconds for account in accounts]),
            joules=_total([account.work.joules for account in accounts]),
            reasons=[account.reason.value for account in in_order],
            reason=_worst([account.reason for account in accounts]).value,
            answer_digest=self.digest(claim.id, [account.tokens for account in in_order]),
        )

    def lost(self, reservation: Reservation, told: int, prices: PriceList, now: datetime) -> Settled:
        """An answer whose process died when so many tokens were on their way. What they were, nobody knows."""
        counted = {Kind.INPUT: reservation.prompt_tokens, Kind.OUTPUT: told}
        costs = _costs(reservation, counted, prices)
        return self._settled(
            reservation, now, costs, cpu_seconds=None, joules=None, reasons=[LOST], reason=LOST, answer_digest=None
        )

    def _settled(
        self,
        reservation: Reservation,
        now: datetime,
        costs: Sequence[Cost],
        *,
        cpu_seconds: float | None,
        joules: float | None,
        reasons: Sequence[str],
        reason: str,
        answer_digest: str | None,
    ) -> Settled:
        energy = energy_of(joules, cpu_seconds, self._power, self._grid)
        used = reservation.settled(now, costs, cpu_seconds=cpu_seconds, joules=energy.joules, reason=reason)
        answered = Answered(
            id=used.id,
            endpoint=used.endpoint,
            time=used.time.isoformat(timespec="milliseconds"),
            workspace=used.workspace,
            model=used.model,
            model_sha256=reservation.model_sha256,
            template_sha256=reservation.template_sha256,
            engine=reservation.engine,
            prompt_tokens=used.tokens - used.output_tokens,
            cached_tokens=used.cached_tokens,
            completion_tokens=used.output_tokens,
            reasons=tuple(reasons),
            prompt_digest=reservation.prompt_digest,
            answer_digest=answer_digest,
        )
        return used, receipt_body(answered, pseudonym(used.workspace, self._secret), costs, energy)


def counted_tokens(claim: Claim, accounts: Sequence[Account]) -> dict[Kind, int]:
    """What is billed. A prompt counts once, however many choices it has: the first computes it, the others find it."""
    cached: dict[int, int] = {}
    for account in accounts:
        prompt = int(account.id.rpartition("-")[2]) // claim.choices
        cached[prompt] = min(account.work.cached_tokens, cached.get(prompt, account.work.cached_tokens))
    if claim.prompt_kind is Kind.EMBEDDING:  # has one price, wherever it was found
        return {Kind.EMBEDDING: sum(len(claim.prompts[prompt]) for prompt in cached)}
    return {
        Kind.INPUT: sum(len(claim.prompts[prompt]) for prompt in cached) - sum(cached.values()),
        Kind.CACHED: sum(cached.values()),
        Kind.OUTPUT: sum(account.work.completion_tokens for account in accounts),
    }


def _costs(reservation: Reservation, counted: Mapping[Kind, int], prices: PriceList) -> tuple[Cost, ...]:
    return prices.costs(reservation.model, reservation.created.date(), counted.items())


def _total(parts: Sequence[float | None]) -> float | None:
    """What is not known of one is not known of all."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _worst(reasons: Sequence[EndReason]) -> EndReason:
    """Of an answer with several choices."""
    order = [EndReason.STOP, EndReason.LENGTH, EndReason.CANCELLED, EndReason.REFUSED, EndReason.FAILED]
    return max(reasons, key=order.index)


def _token_bytes(texts: Sequence[Sequence[int]]) -> bytes:
    """Token ids as bytes: for each text its length, then its tokens, as little-endian numbers of 32 bits."""
    numbers = [number for text in texts for number in (len(text), *text)]
    return struct.pack(f"<{len(numbers)}I", *numbers)
