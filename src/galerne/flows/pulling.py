"""Models that are fetched while the server runs. It goes on though nobody listens; who comes later waits with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

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


@dataclass(slots=True)
class _Fetch:
    """A model that is being fetched. Its work sets `latest`."""

    latest: PullProgress
    work: asyncio.Task[None] | None = None


class Pulling:
    """The flow behind `POST /v1/admin/models/{name}/pull`."""

    def __init__(self, audit: AuditLog, settings: Settings) -> None:
        self._audit = audit
        self._settings = settings
        self._fetches: dict[str, _Fetch] = {}  # by model; none is lost when its listener leaves

    @property
    def names(self) -> set[str]:
        """What is being fetched."""
        return set(self._fetches)

    async def pull(self, name: str, caller: Caller) -> AsyncGenerator[PullEvent]:
        """How far it is, again and again, and how it ended. Raises `ModelNotFound`, before the first event."""
        card = await asyncio.to_thread(show_model, name, self._settings)
        fetch = self._fetches.get(card.name) or self._begin(card.name, caller)
        assert fetch.work is not None
        while not fetch.work.done():
            yield fetch.latest
            await asyncio.wait((fetch.work,), timeout=BETWEEN_SECONDS)
        try:
            fetch.work.result()
        except GalerneError as error:
            yield PullFailed(failure=MessageFailure(code=error.code, message=str(error)))
        else:
            yield PullEnded(model=card.name)

    def _begin(self, name: str, caller: Caller) -> _Fetch:
        fetch = self._fetches[name] = _Fetch(PullProgress(step="beginning", done=0, total=None))

        def progress(step: str, done: int, total: int | None) -> None:
            fetch.latest = PullProgress(step=step, done=done, total=total)

        fetch.work = asyncio.create_task(self._fetch(name, progress, caller))
        fetch.work.add_done_callback(lambda _: self._fetches.pop(name))
        return fetch

    async def _fetch(self, name: str, progress: Progress, caller: Caller) -> None:
        await asyncio.to_thread(pull_model, name, self._settings, progress)
        await note(self._audit, caller, Action.MODEL_PULLED, Party("model", name))
