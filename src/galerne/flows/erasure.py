"""Erases people. Its methods block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from galerne.errors import Forbidden, NotFound
from galerne.identity.caller import LOCAL_USER
from galerne.ledger.audit import AuditLog, Event, Party
from galerne.ledger.erasure import Erasable, certificate
from galerne.ledger.signing import SigningKey


class Erasure:
    def __init__(
        self,
        parts: Sequence[Erasable],
        audit: AuditLog,
        key: SigningKey,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`parts` are all that keep things of people, but the audit log."""
        self._parts = parts
        self._audit = audit
        self._key = key
        self._clock = clock

    def erase(self, person: Party, by: Event) -> dict[str, Any]:
        """The certificate. `by` says who asks for it, as the audit log has it. Raises `NotFound`, `Forbidden`."""
        if person.id == LOCAL_USER:
            raise Forbidden("this machine's own administrator stays.")
        removed: Counter[str] = Counter()
        if person.kind == "user" and person.id is not None:
            for part in self._parts:
                removed.update(part.erase(person.id))
        pseudonym, head = self._audit.erase(person, by, removed)
        if head is None:
            raise NotFound("nothing is kept of such a person.", where=person.id)
        return certificate(pseudonym, removed, head, self._clock().isoformat(timespec="seconds"), self._key)
