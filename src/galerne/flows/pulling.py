"""Models that are fetched while the server runs. It goes on though nobody listens; who comes later waits with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from galerne.errors import GalerneError
from galerne.flows.auditing import note
from galerne.flows.catalogue import pull_model, show_model
from galerne.identity.caller import Caller
from galerne.ledger.audit import Action, AuditLog, Party
from galerne.protocol.chats import MessageFailure
from galerne.protocol.installation import PullEnded, PullEvent, PullFailed, PullProgress
from galerne.settings import Settings
from galerne.weights.sources import Progress

BETWEEN_SECONDS = 0.5
"""Between two events about progress."""


class Pulling:
    """The flow behind `POST /v1/admin/models/{name}/pull`."""

    def __init__(self, audit: AuditLog, settings: Settings) -> None:
        self._audit = audit
        self._settings = settings
        self._work: dict[asyncio.Task[None], str] = {}  # so that none is lost when its listener leaves

    @property
    def names(self) -> set[str]:
        """What is being fetched."""
        return set(self._work.values())

    async def pull(self, name: str, caller: Caller) -> AsyncGenerator[PullEvent]:
        """How far it is, again and again, and how it ended. Raises `ModelNotFound`, before the first event."""
        card = await asyncio.to_thread(show_model, name, self._settings)
        name, latest = card.entry.name, PullProgress(step="beginning", done=0, total=None)

        def progress(step: str, done: int, total: int | None) -> None:
            nonlocal latest
            latest = PullProgress(step=step, done=done, total=total)

        work = asyncio.create_task(self._fetch(name, progress, caller))
        self._work[work] = name
        work.add_done_callback(self._work.pop)
        while not work.done():
            yield latest
            await asyncio.wait((work,), timeout=BETWEEN_SECONDS)
        try:
            work.result()
        except GalerneError as error:
            yield PullFailed(failure=MessageFailure(code=error.code, message=str(error)))
        else:
            yield PullEnded(model=name)

    async def _fetch(self, name: str, progress: Progress, caller: Caller) -> None:
        await asyncio.to_thread(pull_model, name, self._settings, progress)
        await note(self._audit, caller, Action.MODEL_PULLED, Party("model", name))
