"""The audit log for those who may read it: look into it, take it elsewhere, check it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from galerne.flows.auditing import note
from galerne.flows.signed_log import SignedLog, checked
from galerne.identity.caller import Caller
from galerne.ledger.audit import Action, AuditFilter, AuditLog, AuditPage, Retention
from galerne.ledger.chain import Fault
from galerne.ledger.heads import AUDIT
from galerne.ledger.ocsf import ocsf_event
from galerne.ledger.signing import SigningKey
from galerne.settings import Settings


class Audit(SignedLog):
    """Who reads it is on it, too."""

    def __init__(
        self,
        log: AuditLog,
        key: SigningKey,
        settings: Settings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(AUDIT, log, key, clock)
        self.log = log
        self._days = {each: int(getattr(settings, f"audit_{each.value}_days")) for each in Retention}

    async def page(self, which: AuditFilter, limit: int, before: int | None, caller: Caller) -> AuditPage:
        """The newest records, or those before an index."""
        if before is None:  # else it goes on with what it was let into
            await note(self.log, caller, Action.AUDIT_READ)
        return await asyncio.to_thread(self.log.page, which, limit, before)

    async def verify(self) -> tuple[int, list[Fault]]:
        """How many records there are, and every place where the log was changed."""
        return await asyncio.to_thread(lambda: checked(self.lines(), self.key))

    async def now(self) -> dict[str, Any]:
        """How far it is, signed."""
        return await asyncio.to_thread(self.head)

    def tidy(self) -> None:
        """Remove what has been kept for as long as the settings say. Blocks."""
        now = self._clock()
        self.log.prune({each: now - timedelta(days=days) for each, days in self._days.items()})

    def ocsf_lines(self) -> Iterator[str]:
        """All records in order as events of OCSF, readable where nobody has been erased. Blocks."""
        return (json.dumps(ocsf_event(record)) for record in self.log.readable())

    async def export(self, caller: Caller) -> None:
        """Say that it will be taken elsewhere: `lines` gives it."""
        await note(self.log, caller, Action.AUDIT_EXPORTED)
