"""What an administrator does: keys, limits, prices, and who used how much. Its methods block."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from galerne.errors import InvalidRequest, NotFound
from galerne.flows.usage import usage_query
from galerne.identity.directory import Directory, UserKind, Workspace, new_user
from galerne.identity.keys import Key, Keys, digest_of, make_key
from galerne.identity.permissions import Role
from galerne.ledger.audit import Action, AuditLog, Event, Party
from galerne.ledger.books import Books
from galerne.ledger.prices import Kind, Price
from galerne.ledger.quota import Holder, Limit, Measure, Subject
from galerne.ledger.usage import By, UsageSum

NAME = re.compile(r"[\w .@-]{1,64}")
"""What keys and workspaces may be called."""

MOST = 2**53
"""The largest limit or price: every program can read it."""


class Administration:
    def __init__(
        self,
        directory: Directory,
        keys: Keys,
        books: Books,
        audit: AuditLog,
        actor: Party,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`actor` is the administrator, as the audit log has it."""
        self._directory = directory
        self._keys = keys
        self._books = books
        self._audit = audit
        self._actor = actor
        self._clock = clock

    def create_key(self, name: str, workspace: str, valid: timedelta | None = None) -> tuple[str, Key]:
        """A new key of a new service account, and of a new workspace if there is none of that name.

        The secret, which nobody can look up later, and what is known of the key. Raises `InvalidRequest`.
        """
        _check_name("name", name)
        _check_name("workspace", workspace)
        now = self._clock()
        holder = new_user(UserKind.SERVICE, self._workspace(workspace), Role.MEMBER, name, None, now)
        self._directory.add_user(holder)
        secret, key = make_key(name, holder, None, now, now + valid if valid else None)
        self._keys.add(key, digest_of(secret))
        self._note(Action.KEY_MADE, Party("key", key.id), workspace=workspace)
        return secret, key

    def _workspace(self, id: str) -> Workspace:
        try:
            return self._directory.workspace(id)
        except NotFound:
            workspace = Workspace(id, self._directory.organisation().id, id, self._clock())
            self._directory.add_workspace(workspace)
            return workspace

    def all_keys(self) -> list[Key]:
        return self._keys.all()

    def revoke_key(self, id: str) -> None:
        """Raises `NotFound`."""
        if not self._keys.revoke(id, self._clock()):
            raise NotFound("there is no such key, or it was revoked before.", where=id)
        self._note(Action.KEY_REVOKED, Party("key", id))

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


def _check_name(field: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidRequest("is 1 to 64 letters, digits, spaces, dots, '@', '_' or '-'.", where=field)
