"""The work of one job: each of its rows is answered, and what came of it recorded, once.

    read the rows that have no result -> answer some at a time -> record -> write the files, end the job

A result is kept in one transaction, so a killed process loses at most the answers that were under way; the job goes on
with the rows that have none. The files are written from the results alone, and known from the moment the job has ended.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from itertools import islice
from typing import BinaryIO

from galerne.errors import EngineFailed, ModelNotLoaded, Unavailable
from galerne.flows.batch_input import Row, read_rows
from galerne.flows.batch_jobs import BatchJob, Endpoints, JobStore, RowResult, Status
from galerne.flows.batch_output import finish, output_line
from galerne.flows.stored_files import ContentStore

MOST_FAILURES = 3
"""Times that the engine may fail over one row; a row that brings it down must not do so for ever."""

LONGEST_WAIT = 30.0
"""Seconds that a row waits for its next try. For longer the whole job is laid aside."""

IDLE_SECONDS = 30.0
"""Before rows are tried again whose model is on this machine, but not loaded."""

_AHEAD = 256  # rows that are read at a time


class BatchWork:
    """`run` it once; `stop` it early, and it ends the job with what is done."""

    def __init__(
        self, job: BatchJob, jobs: JobStore, outputs: ContentStore, endpoints: Endpoints, room: asyncio.Semaphore
    ) -> None:
        """`room` is for the rows of all jobs that are under way."""
        self._job = job
        self._jobs = jobs
        self._outputs = outputs
        self._endpoints = endpoints
        self._room = room
        self._idle: dict[str, str] = {}  # models that are not loaded, and what is said of each
        self._stop = asyncio.Event()
        self._recorder = _Recorder(jobs, job.id)

    def stop(self) -> None:
        self._stop.set()

    async def run(self, file: BinaryIO) -> None:
        """Raises what the database and the disk raise, and `Unavailable` for a long while, or when all is done but the
        rows whose model is not loaded: then the job is still open, and can be gone on with."""
        job = await asyncio.to_thread(self._jobs.begin, self._job.id)
        if job is None:
            return
        if not ends(job):
            await self._unless_stopped(file)
        await asyncio.to_thread(finish, job.id, file, self._jobs, self._outputs)

    async def _unless_stopped(self, file: BinaryIO) -> None:
        answering = asyncio.create_task(self._answer_all(file))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((answering, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            stopping.cancel()
            with suppress(asyncio.CancelledError):
                await answering

    async def _answer_all(self, file: BinaryIO) -> None:
        done = await asyncio.to_thread(self._jobs.done, self._job.id)
        async with asyncio.TaskGroup() as group:
            async for row in _ahead(read_rows(file)):
                if row.number in done or _model(row) in self._idle:
                    continue
                await self._room.acquire()
                group.create_task(self._answer(row)).add_done_callback(lambda _: self._room.release())
        if self._idle:
            raise Unavailable(" ".join(self._idle.values()), retry_after=IDLE_SECONDS)

    async def _answer(self, row: Row) -> None:
        failures = 0
        while True:
            reply = await self._endpoints.answer(self._job.endpoint, row.body, self._job.caller)
            body = json.loads(reply.body)
            if body.get("code") == ModelNotLoaded.code:
                self._idle[_model(row)] = str(body.get("message"))
                return
            failures += body.get("code") == EngineFailed.code
            if reply.retry_after is None or failures == MOST_FAILURES:
                break
            if reply.retry_after > LONGEST_WAIT:  # meanwhile others can be worked on
                raise Unavailable(str(body.get("message")), retry_after=reply.retry_after)
            await asyncio.sleep(reply.retry_after)
        response = {"status_code": reply.status, "request_id": reply.request_id, "body": body}
        line = output_line(self._job.id, row, response=response)
        await self._recorder.record(RowResult(row.number, reply.status < 400, line))


class _Recorder:
    """Records results; those that come while others are being written share the next transaction."""

    def __init__(self, jobs: JobStore, id: str) -> None:
        self._jobs = jobs
        self._id = id
        self._waiting: dict[int, RowResult] = {}
        self._turn = asyncio.Lock()

    async def record(self, result: RowResult) -> None:
        """Returns when the result is on the disk."""
        self._waiting[result.row] = result
        async with self._turn:
            if result.row not in self._waiting:
                return  # another one wrote it along
            results, self._waiting = self._waiting, {}
            try:
                await asyncio.to_thread(self._jobs.record, self._id, list(results.values()))
            except BaseException:
                self._waiting = results | self._waiting  # whoever waits tries again
                raise


def ends(job: BatchJob) -> bool:
    """Whether no more of its rows shall be answered."""
    return job.status is Status.CANCELLATION_REQUESTED or time.time() >= job.deadline


def _model(row: Row) -> str:
    """Which one it asks, as far as it says."""
    return str(json.loads(row.body).get("model"))


async def _ahead(rows: Iterator[Row]) -> AsyncGenerator[Row]:
    """The rows, read some at a time beside the event loop."""
    while some := await asyncio.to_thread(lambda: list(islice(rows, _AHEAD))):
        for row in some:
            yield row
