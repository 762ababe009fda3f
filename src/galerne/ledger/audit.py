"""The audit log: who did what, when, to what. A record of it is never changed; `chain` says how one could tell.

Who carries an action out tells the log when it is done and before it is answered: what was acknowledged is on the log.

    action done -> audit.record(Event(Action.KEY_MADE, actor_of(caller), Party("key", key.id))) -> answer

No text of a person belongs into an event: ids, names of models, numbers. What tells who somebody is (their id, address,
email) goes into a `Party` that is personal, which is kept encrypted with a key of its own, and is destroyed with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from galerne.ledger.chain import Head
from galerne.ledger.logs import Log
from galerne.ledger.usage import Usage


class Retention(StrEnum):
    """How long records are kept: each class has a setting."""

    ACCESS = "access"  # who came in, and who tried
    ADMINISTRATION = "administration"  # who changed what others may do
    DATA = "data"  # who read, kept, exported and removed what
    ANSWERS = "answers"
    OPERATION = "operation"  # of the server itself


class Action(StrEnum):
    """What can be done. The part before the dot is what it is done to."""

    SESSION_BEGUN = "session.begun"  # somebody signed in
    SESSION_REFUSED = "session.refused"
    SESSION_ENDED = "session.ended"
    KEY_REFUSED = "key.refused"
    ACCESS_DENIED = "access.denied"  # a caller who is known, without the permission
    KEY_MADE = "key.made"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    USER_MADE = "user.made"
    USER_INVITED = "user.invited"
    USER_CHANGED = "user.changed"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    USER_REMOVED = "user.removed"
    USER_ERASED = "user.erased"
    PASSWORD_CHANGED = "password.changed"
    ROLE_CHANGED = "role.changed"
    WORKSPACE_MADE = "workspace.made"
    WORKSPACE_CHANGED = "workspace.changed"
    LIMIT_CHANGED = "limit.changed"
    PRICE_CHANGED = "price.changed"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    INVOICE_ISSUED = "invoice.issued"
    CREDIT_ISSUED = "credit.issued"
    SETTINGS_CHANGED = "settings.changed"
    MODEL_PULLED = "model.pulled"
    MODEL_REMOVED = "model.removed"
    MODEL_LOADED = "model.loaded"
    MODEL_UNLOADED = "model.unloaded"
    FILE_KEPT = "file.kept"
    FILE_READ = "file.read"
    FILE_SHARED = "file.shared"
    FILE_DELETED = "file.deleted"
    DOCUMENT_KEPT = "document.kept"
    DOCUMENT_READ = "document.read"
    DOCUMENT_DELETED = "document.deleted"
    CHAT_SHARED = "chat.shared"
    CHAT_DELETED = "chat.deleted"
    CHAT_RETENTION_CHANGED = "chat.retention_changed"
    CHATS_EXPORTED = "chats.exported"
    RECEIPTS_EXPORTED = "receipts.exported"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_PRUNED = "audit.pruned"
    ANSWER_GIVEN = "answer.given"
    SERVER_STARTED = "server.started"
    SERVER_STOPPED = "server.stopped"

    @property
    def retention(self) -> Retention:
        return _RETENTION[self.value.partition(".")[0]]


_RETENTION = {
    name: retention
    for retention, names in (
        (Retention.ACCESS, ("session", "access")),
        (Retention.ADMINISTRATION, ("key", "user", "password", "role", "workspace", "limit", "price", "settings")),
        (Retention.ADMINISTRATION, ("subscription", "invoice", "credit")),
        (Retention.DATA, ("file", "document", "chat", "chats", "receipts", "audit")),
        (Retention.ANSWERS, ("answer",)),
        (Retention.OPERATION, ("model", "server")),
    )
    for name in names
}


class Result(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


PERSONAL = frozenset({"user", "operator", "address", "email"})
"""Kinds of parties that are people, or lead to one. An operator has an account of the machine."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who acts, or what is acted on."""

    kind: str  # "user", "key", "operator", "anyone", "server"; "file", "model", "workspace", ...
    id: str | None = None  # None: there is no telling, or only one
    private: Mapping[str, str] = field(default_factory=dict)  # what else is known of somebody: address, email

    @property
    def is_personal(self) -> bool:
        return self.kind in PERSONAL and self.id is not None


SERVER = Party("server")
"""The program itself, of its own accord."""


def actor(user: str | None, key: str | None, address: str | None = None) -> Party:
    """Whoever showed this key, or signed in as this user; the user is who counts where there are both."""
    private = {name: value for name, value in (("key", key), ("address", address)) if value is not None}
    if user is not None:
        return Party("user", user, private)
    return Party("anyone") if key is None else Party("key", key)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done. Whoever did it sets every field that there is."""

    action: Action
    actor: Party
    object: Party | None = None
    result: Result = Result.DONE
    workspace: str | None = None
    request: str | None = None  # the id of the request that asked for it
    details: Mapping[str, str | int | bool | None] = field(default_factory=dict)  # nothing of a person


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which records; None: any. Whoever lists sets every field."""

    actor: str | None = None  # an id
    action: str | None = None  # "key.made", or "key" for all that is done to keys
    object: str | None = None  # an id
    workspace: str | None = None
    since: datetime | None = None
    until: datetime | None = None  # not included


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Records with what is encrypted in them made readable, the newest first, where it has not been erased."""

    records: list[dict[str, Any]]
    before: int | None  # the page behind this one has the records before this index; None: there is none


class AuditLog(Log, Protocol):
    """Who keeps it. Its methods block."""

    def record(self, event: Event) -> None:
        """Append it; it is on disk when this returns. Raises `DatabaseUnavailable`, `DiskFull`."""

    def page(self, which: AuditFilter, limit: int, before: int | None = None) -> AuditPage:
        """The newest `limit` records, or those before an index."""

    def readable(self) -> Iterator[dict[str, Any]]:
        """All records in order, as pages have them."""

    def erase(self, person: Party, by: Event, removed: Mapping[str, int]) -> tuple[str | None, Head | None]:
        """Destroy the person's key, and record that, with what else was removed.

        Returns their pseudonym, and the head with that record. (None, None): nothing was known of them, nor removed.
        """

    def prune(self, before: Mapping[Retention, datetime]) -> int:
        """Let checkpoints stand for the records of each class from before a time. Returns how many went."""


def answer_given(used: Usage, receipt: str, request: str | None) -> Event:
    """An answer is on record; `receipt` is the digest of its receipt, `request` the id of what asked for it."""
    return Event(
        Action.ANSWER_GIVEN,
        actor(used.user, used.key),
        Party("answer", used.id),
        workspace=used.workspace,
        request=request,
        details={"model": used.model, "endpoint": used.endpoint, "reason": used.reason, "receipt": receipt},
    )


def event_body(
    event: Event, time: datetime, actor: Mapping[str, Any], object: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The record, before the log gives it its place and signature; `actor` and `object` as they may be kept."""
    return {
        "kind": "event",
        "version": 1,
        "time": time.isoformat(timespec="milliseconds"),
        "action": event.action.value,
        "result": event.result.value,
        "actor": dict(actor),
        "object": None if object is None else dict(object),
        "workspace": event.workspace,
        "request": event.request,
        "details": dict(event.details),
    }
