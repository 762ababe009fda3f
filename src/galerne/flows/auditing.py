"""What callers do, as the audit log has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from galerne.errors import GalerneError
from galerne.flows.served import ServedModels
from galerne.identity.caller import Caller
from galerne.ledger.audit import SERVER, Action, AuditLog, Event, Party, actor

logger = logging.getLogger(__name__)


def event_of(caller: Caller, action: Action, object: Party | None = None, **details: str | int) -> Event:
    """Something that a caller did; `details` hold nothing of a person."""
    return Event(
        action,
        actor(caller.user, caller.key, caller.address),
        object,
        workspace=caller.workspace,
        request=caller.request,
        details=details,
    )


async def note(
    audit: AuditLog, caller: Caller, action: Action, object: Party | None = None, **details: str | int
) -> None:
    """Have it on the log before the caller is answered. Raises `DatabaseUnavailable`, `DiskFull`."""
    await asyncio.to_thread(audit.record, event_of(caller, action, object, **details))


@asynccontextmanager
async def on_record(audit: AuditLog, models: ServedModels, version: str) -> AsyncIterator[None]:
    """The time that a server runs. Only its end may be missing on the log, when it is killed or the disk is full."""
    begun = [Event(Action.SERVER_STARTED, SERVER, details={"version": version})]
    begun += [
        Event(Action.MODEL_LOADED, SERVER, Party("model", model.name), details={"sha256": model.digest})
        for model in models
    ]
    await asyncio.to_thread(_record, audit, begun)
    try:
        yield
    finally:
        ended = [Event(Action.MODEL_UNLOADED, SERVER, Party("model", model.name)) for model in models]
        try:
            await asyncio.to_thread(_record, audit, [*ended, Event(Action.SERVER_STOPPED, SERVER)])
        except GalerneError as error:
            logger.error("the end is not on the audit log: %s", error)


def _record(audit: AuditLog, events: list[Event]) -> None:
    for event in events:
        audit.record(event)
