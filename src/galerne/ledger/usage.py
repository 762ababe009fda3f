"""What was used: one row for each answer, and the transfer that charges it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from galerne.ledger.prices import Cost, Kind
from galerne.ledger.quota import Demand, Holder, Subject, subjects


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is set aside for an answer that is being written. `flows.billing` sets every field."""

    id: str  # of the answer
    organisation: str
    workspace: str
    user: str | None
    key: str | None
    endpoint: str
    model: str
    prompt_tokens: int
    most_tokens: int  # of the answer
    nano_euros: int  # at most
    created: datetime
    journal: str  # which process's journal counts the tokens that are on their way
    slot: int  # and where in it
    model_sha256: str  # what its receipt says of how it was made, as the next three do
    template_sha256: str | None
    engine: str
    prompt_digest: str
    request: str | None = None  # the id of the request that asked for it; None: the server asked itself

    @property
    def subjects(self) -> list[Subject]:
        """Whose limits it counts towards."""
        return subjects(
            {
                Holder.KEY: self.key,
                Holder.USER: self.user,
                Holder.WORKSPACE: self.workspace,
                Holder.ORGANISATION: self.organisation,
            }
        )

    @property
    def demand(self) -> Demand:
        return Demand(self.prompt_tokens + self.most_tokens, self.nano_euros)

    def settled(
        self,
        now: datetime,
        costs: Iterable[Cost],
        *,
        cpu_seconds: float | None,
        joules: float | None,
        reason: str,
    ) -> Usage:
        """What it came to."""
        costs = list(costs)
        counted = {cost.kind: cost.tokens for cost in costs}
        return Usage(
            id=self.id,
            organisation=self.organisation,
            workspace=self.workspace,
            user=self.user,
            key=self.key,
            endpoint=self.endpoint,
            model=self.model,
            time=now,
            input_tokens=counted.get(Kind.INPUT, 0),
            cached_tokens=counted.get(Kind.CACHED, 0),
            output_tokens=counted.get(Kind.OUTPUT, 0),
            embedding_tokens=counted.get(Kind.EMBEDDING, 0),
            nano_euros=sum(cost.nano_euros for cost in costs),
            cpu_microseconds=None if cpu_seconds is None else round(cpu_seconds * 1e6),
            millijoules=None if joules is None else round(joules * 1000),
            reason=reason,
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took in truth. One row for each answer that an engine worked on; never changed."""

    id: str
    organisation: str
    workspace: str
    user: str | None
    key: str | None
    endpoint: str
    model: str
    time: datetime  # when it ended
    input_tokens: int  # of the prompt, computed
    cached_tokens: int  # of the prompt, found in the cache
    output_tokens: int
    embedding_tokens: int
    nano_euros: int
    cpu_microseconds: int | None
    millijoules: int | None  # None: unknown
    reason: str  # how it ended, `LOST` included

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.cached_tokens + self.output_tokens + self.embedding_tokens

    @property
    def demand(self) -> Demand:
        return Demand(self.tokens, self.nano_euros)


By = Literal["day", "model", "key", "user", "workspace", "organisation"]
"""What answers that are summed up have in common."""


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which answers are summed up, and how."""

    by: By
    since: date  # both days are included; days are those of UTC
    until: date
    workspace: str | None = None  # None: all of them


@dataclass(frozen=True, slots=True)
class UsageSum:
    """What many answers took together."""

    name: str | None  # what they have in common; None: they had no key, or nobody in particular asked
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    embedding_tokens: int
    nano_euros: int
    cpu_seconds: float
    joules: float | None  # of those of which it is known; None: of none


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money moves from one account to another: the sum over all accounts is always zero."""

    id: str  # of what it is for: an answer, an invoice, a payment, a credit note
    debit: str  # the account that owes
    credit: str
    nano_euros: int  # more than 0
    time: datetime


LOST = "lost"
"""How an answer ended whose process died; its journal told how far it was."""

REVENUE = "revenue"


def receivable(workspace: str) -> str:
    """The account of what a workspace owes."""
    return f"receivable/{workspace}"
