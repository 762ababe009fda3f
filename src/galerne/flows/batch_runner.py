"""Works on the jobs of all workspaces, a few at a time, until it is cancelled.

Several servers may share the jobs: who holds the input of a job works on it, and lets go when it dies.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from galerne.errors import DiskFull, GalerneError, NotFound, Unavailable
from galerne.flows.batch_jobs import BatchJob, Endpoints, JobStore, Status
from galerne.flows.batch_work import BatchWork, ends
from galerne.flows.stored_files import ContentStore
from galerne.settings import Settings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks for jobs that other servers were sent, and for time that is over."""

REST_SECONDS = 10.0
"""Before a job whose work failed, or that another server has in hand, is tried again."""

LONGEST_REST = 600.0
"""However long it is said to take, for example until a quota frees: it may be raised earlier."""

MOST_FAILURES = 5
"""Of a job's work, for reasons that do not pass by themselves; then the job has failed."""


@dataclass(frozen=True, slots=True)
class _Hand:
    """A job that is worked on."""

    workspace: str
    work: BatchWork
    task: asyncio.Task[None]


class BatchRunner:
    def __init__(
        self,
        jobs: JobStore,
        inputs: ContentStore,
        outputs: ContentStore,
        endpoints: Endpoints,
        settings: Settings,
        news: asyncio.Event,
    ) -> None:
        """`news` is set when there is something to do."""
        self._jobs = jobs
        self._inputs = inputs
        self._outputs = outputs
        self._endpoints = endpoints
        self._most = settings.batch_jobs
        self._room = asyncio.Semaphore(settings.batch_requests)
        self._news = news
        self._hands: dict[str, _Hand] = {}
        self._rests: dict[str, float] = {}  # until when a job is left alone
        self._failures = Counter[str]()

    async def run(self) -> None:
        try:
            while True:
                self._news.clear()
                try:
                    self._look(await asyncio.to_thread(self._jobs.open))
                except Exception as error:
                    _log("the batches cannot be looked at", error)
                with suppress(TimeoutError):  # not `wait_for`: up to Python 3.11 it may swallow a cancellation
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._news.wait()
        finally:
            tasks = [hand.task for hand in self._hands.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _look(self, jobs: Sequence[BatchJob]) -> None:
        ending = {job.id for job in jobs if ends(job)}
        for id in ending & self._hands.keys():
            self._hands[id].work.stop()
        now = time.monotonic()
        waiting = [job for job in jobs if job.id not in self._hands and self._rests.get(job.id, now) <= now]
        for job in waiting:
            if job.id in ending:
                self._begin(job)  # takes no room: no request of it is answered any more
        waiting = [job for job in waiting if job.id not in ending]
        while waiting and len(self._hands) < self._most:
            served = Counter(hand.workspace for hand in self._hands.values())
            job = min(waiting, key=lambda job: served[job.workspace])  # the oldest of those who are served least
            waiting.remove(job)
            self._begin(job)

    def _begin(self, job: BatchJob) -> None:
        work = BatchWork(job, self._jobs, self._outputs, self._endpoints, self._room)
        self._hands[job.id] = _Hand(job.workspace, work, asyncio.create_task(self._work(job.id, work)))

    async def _work(self, id: str, work: BatchWork) -> None:
        try:
            with self._inputs.hold(id) as file:
                if file is None:
                    self._rests[id] = time.monotonic() + REST_SECONDS
                    return
                await work.run(file)
            await self._forget(id)
        except Exception as error:
            await self._failed(id, error)
        finally:
            del self._hands[id]
            self._news.set()

    async def _failed(self, id: str, error: Exception) -> None:
        _log(f"the work on {id} failed", error)
        self._rests[id] = time.monotonic() + min(max(REST_SECONDS, _wait(error)), LONGEST_REST)
        self._failures[id] += not _passes(error)
        if isinstance(error, NotFound) or self._failures[id] == MOST_FAILURES:
            reason = str(error) if isinstance(error, GalerneError) else "something went wrong inside the server."
            with suppress(Unavailable, DiskFull):  # the next try comes to the same
                await asyncio.to_thread(self._jobs.finish, id, Status.FAILED, None, None, [reason])
                await self._forget(id)

    async def _forget(self, id: str) -> None:
        """The job has ended: what only its work needed goes."""
        await asyncio.to_thread(self._inputs.remove, id)
        self._rests.pop(id, None)
        del self._failures[id]


def _passes(error: BaseException) -> bool:
    """Whether the work may succeed later, as it is."""
    if isinstance(error, BaseExceptionGroup):
        return all(_passes(each) for each in error.exceptions)
    return isinstance(error, (Unavailable, DiskFull))


def _wait(error: BaseException) -> float:
    """For how many seconds it will not."""
    if isinstance(error, BaseExceptionGroup):
        return max(map(_wait, error.exceptions))
    return error.retry_after if isinstance(error, Unavailable) else 0.0


def _log(what: str, error: Exception) -> None:
    if _passes(error):
        logger.warning("%s: %s", what, error)
    else:
        logger.error(what, exc_info=error)
