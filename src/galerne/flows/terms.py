"""On which terms models may be asked: limits, allowed models, prices. The methods block."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime

from galerne.errors import InvalidRequest, NotFound
from galerne.flows.auditing import event_of
from galerne.identity.caller import Caller
from galerne.identity.directory import Directory
from galerne.identity.keys import Keys
from galerne.ledger.audit import Action, AuditLog, Party
from galerne.ledger.books import Books
from galerne.ledger.prices import Kind, Price
from galerne.ledger.quota import Allowance, Holder, Limit, Measure, Subject

MOST = 2**53
"""The largest limit or price: every program can read it."""


class Terms:
    """The flow behind `/v1/admin/limits`, `/v1/admin/allowed-models` and `/v1/admin/prices`."""

    def __init__(
        self,
        books: Books,
        directory: Directory,
        keys: Keys,
        audit: AuditLog,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._books = books
        self._directory = directory
        self._keys = keys
        self._audit = audit
        self._clock = clock

    def set_limit(self, subject: Subject, measure: Measure, most: int | None, caller: Caller) -> None:
        """None: no limit. Raises `InvalidRequest`, also for a subject that is not there: it would hold nobody back."""
        if most is not None:
            if not 0 <= most <= MOST:
                raise InvalidRequest(f"a limit is from 0 to {MOST}.", where=measure.value)
            self._check(subject)
        self._books.set_limit(subject, measure, most, self._clock())
        said = "none" if most is None else str(most)
        self._audit.record(event_of(caller, Action.LIMIT_CHANGED, _party(subject), measure=measure.value, most=said))

    def limits(self) -> Sequence[Limit]:
        return self._books.limits()

    def allow(self, subject: Subject, models: Collection[str], caller: Caller) -> None:
        """From now on it may use these models, by their own names; with none of them said, every one.

        Raises `InvalidRequest` for a subject that is not there.
        """
        if models:
            self._check(subject)
        self._books.allow(Allowance(subject, frozenset(models)))
        said = ", ".join(sorted(models)) or "all"
        self._audit.record(event_of(caller, Action.LIMIT_CHANGED, _party(subject), measure="allowed_models", most=said))

    def allowances(self) -> Sequence[Allowance]:
        return self._books.allowances()

    def set_price(self, model: str, kind: Kind, nano_euros: int, since: date | None, caller: Caller) -> Price:
        """From a day on, today by default. Raises `InvalidRequest`."""
        if not 0 <= nano_euros <= MOST:
            raise InvalidRequest(f"a price is from 0 to {MOST} nano-euros a token.", where=kind.value)
        price = Price(model, kind, since or self._clock().astimezone(UTC).date(), nano_euros)
        self._books.set_price(price)
        details = {"kind": kind.value, "since": price.since.isoformat(), "nano_euros": str(nano_euros)}
        self._audit.record(event_of(caller, Action.PRICE_CHANGED, Party("model", model), **details))
        return price

    def prices(self) -> Sequence[Price]:
        return self._books.prices()

    def _check(self, subject: Subject) -> None:
        try:
            match subject.holder:
                case Holder.KEY:
                    self._keys.get(subject.id)
                case Holder.USER:
                    self._directory.user(subject.id)
                case Holder.WORKSPACE:
                    self._directory.workspace(subject.id)
                case Holder.ORGANISATION if subject.id != (own := self._directory.organisation().id):
                    raise InvalidRequest(f"there is one organisation, organisation:{own}.", where="subject")
        except NotFound as missing:
            raise InvalidRequest(missing.message, where="subject") from None


def subject_of(text: str) -> Subject:
    """The subject that "workspace:town-hall" names. Raises `InvalidRequest`."""
    holder, _, id = text.partition(":")
    if holder not in list(Holder) or not 0 < len(id) <= 64 or "\0" in id:
        known = ", ".join(f"{each.value}:ID" for each in Holder)
        raise InvalidRequest(f"is none of {known}.", where="subject")
    return Subject(Holder(holder), id)


def _party(subject: Subject) -> Party:
    return Party(subject.holder.value, subject.id)
