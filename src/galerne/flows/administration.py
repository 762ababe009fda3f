"""What an administrator does about money: limits, prices, and who used how much. Its methods block."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from galerne.errors import InvalidRequest
from galerne.flows.usage import usage_query
from galerne.ledger.audit import Action, AuditLog, Event, Party
from galerne.ledger.books import Books
from galerne.ledger.prices import Kind, Price
from galerne.ledger.quota import Holder, Limit, Measure, Subject
from galerne.ledger.usage import By, UsageSum

MOST = 2**53
"""The largest limit or price: every program can read it."""


class Administration:
    def __init__(
        self,
        books: Books,
        audit: AuditLog,
        actor: Party,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`actor` is the administrator, as the audit log has it."""
        self._books = books
        self._audit = audit
        self._actor = actor
        self._clock = clock

    def set_limit(self, subject: Subject, measure: Measure, most: int | None) -> None:
        """None: no limit. Raises `InvalidRequest`."""
        if most is not None and not 0 <= most <= MOST:
            raise InvalidRequest(f"a limit is from 0 to {MOST}.", where=measure.value)
        self._books.set_limit(subject, measure, most, self._clock())
        changed = None if most is None else str(most)
        self._note(Action.LIMIT_CHANGED, Party(subject.holder.value, subject.id), measure=measure.value, most=changed)

    def limits(self) -> list[Limit]:
        return self._books.limits()

    def set_price(self, model: str, kind: Kind, nano_euros: int, since: date | None = None) -> Price:
        """From a day on, today by default. Raises `InvalidRequest`."""
        if not 0 <= nano_euros <= MOST:
            raise InvalidRequest(f"a price is from 0 to {MOST} nano-euros a token.", where=kind.value)
        price = Price(model, kind, since or self._clock().date(), nano_euros)
        self._books.set_price(price)
        details = {"kind": kind.value, "since": price.since.isoformat(), "nano_euros": str(nano_euros)}
        self._note(Action.PRICE_CHANGED, Party("model", model), **details)
        return price

    def prices(self) -> list[Price]:
        return self._books.prices()

    def usage(self, by: By, since: date | None = None, until: date | None = None) -> list[UsageSum]:
        """What everybody used; by default, this month up to today. Raises `InvalidRequest`."""
        return self._books.usage(usage_query(by, since, until, self._clock()))

    def _note(self, action: Action, object: Party, workspace: str | None = None, **details: str | None) -> None:
        self._audit.record(Event(action, self._actor, object, workspace=workspace, details=details))


def subject_of(text: str) -> Subject:
    """The subject that "workspace:town-hall" names. Raises `InvalidRequest`."""
    holder, _, id = text.partition(":")
    if holder not in list(Holder) or not id:
        known = ", ".join(f"{each.value}:ID" for each in Holder)
        raise InvalidRequest(f"is none of {known}.", where=text[:100] or "subject")
    return Subject(Holder(holder), id)
