"""How long chats are kept: as their person wishes, and no longer than the house does. Its methods block."""

from __future__ import annotations

from galerne.assistant.retention import RetentionStore
from galerne.errors import InvalidRequest
from galerne.flows.auditing import event_of
from galerne.flows.owners import owner_of
from galerne.identity.caller import Caller
from galerne.ledger.audit import SERVER, Action, AuditLog, Event
from galerne.protocol.chat_retention import ChatRetention
from galerne.settings import Settings


class ChatRetentions:
    """The flow behind `/v1/users/me/retention`."""

    def __init__(self, store: RetentionStore, audit: AuditLog, settings: Settings) -> None:
        self._store = store
        self._audit = audit
        self._most = settings.max_chat_days

    def of(self, caller: Caller) -> ChatRetention:
        wished = self._store.days(owner_of(caller))
        days = [each for each in (wished, self._most) if each is not None]
        return ChatRetention(chat_days=wished, max_chat_days=self._most, effective_chat_days=min(days, default=None))

    def put(self, days: int | None, caller: Caller) -> ChatRetention:
        """Keep the caller's chats for so long; None: as long as the house does. Raises `InvalidRequest`."""
        if days is not None and self._most is not None and days > self._most:
            raise InvalidRequest(f"chats are kept for {self._most} days at most here.", where="chat_days")
        self._store.put(owner_of(caller), days)
        said = "none" if days is None else str(days)
        self._audit.record(event_of(caller, Action.CHAT_RETENTION_CHANGED, days=said))
        return self.of(caller)

    def tidy(self) -> None:
        """Delete the chats that were kept for long enough, and everything in them."""
        if gone := self._store.remove_expired(self._most):
            self._audit.record(Event(Action.CHAT_DELETED, SERVER, details={"chats": gone}))
