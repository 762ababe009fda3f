"""Refusals on the audit log: keys that are not known, and callers who want more than they may."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from fastapi import Request

from galerne.api.caller import address_of
from galerne.api.request_id import current_request_id
from galerne.errors import Forbidden, GalerneError, NotAuthenticated
from galerne.flows.auditing import event_of
from galerne.identity.caller import Caller
from galerne.ledger.audit import Action, AuditLog, Event, Party, Result

logger = logging.getLogger(__name__)

SECONDS = 60.0
"""Between two records of the same refusal: whoever asks in vain again and again must not fill the disk."""

MOST = 10_000
"""Refusals that are remembered."""


class Refusals:
    def __init__(self, audit: AuditLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._clock = clock
        self._noted: dict[tuple[str | None, str], float] = {}

    async def note(self, http: Request, refusal: NotAuthenticated | Forbidden) -> None:
        """Who asks is refused whatever comes of this."""
        event = _event(http, refusal)
        if event is None or not self._is_new(event):
            return
        try:
            await asyncio.to_thread(self._audit.record, event)
        except GalerneError as error:
            logger.error("a refusal is not on the audit log: %s", error)

    def _is_new(self, event: Event) -> bool:
        what = (event.actor.id, str(event.details["path"]))
        now = self._clock()
        if now - self._noted.get(what, -SECONDS) < SECONDS:
            return False
        if len(self._noted) >= MOST:
            self._noted.clear()
        self._noted[what] = now
        return True


def _event(http: Request, refusal: NotAuthenticated | Forbidden) -> Event | None:
    """None: nothing was shown that could be refused."""
    caller, path = http.state.caller, http.scope["route"].path
    if isinstance(caller, Caller):
        return replace(event_of(caller, Action.ACCESS_DENIED, path=path), result=Result.REFUSED)
    if "authorization" not in http.headers and isinstance(refusal, NotAuthenticated):
        return None
    action = Action.ACCESS_DENIED if isinstance(refusal, Forbidden) else Action.KEY_REFUSED
    somewhere = Party("address", address_of(http.scope) or "unknown")
    return Event(action, somewhere, result=Result.REFUSED, request=current_request_id(), details={"path": path})
