"""Batches: many requests that a client leaves here, to be answered when there is room.

take the job -> work on it (`batch_runner`, `batch_work`, `batch_output`) -> find it ended
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from galerne.errors import Busy, InvalidRequest, NotFound, TooLarge
from galerne.flows.batch_input import Source, file_requests, write_input
from galerne.flows.batch_jobs import OPEN, BatchJob, Endpoints, JobFilter, JobPage, JobStore
from galerne.flows.batch_runner import BatchRunner
from galerne.flows.chat import ENDPOINT as CHAT
from galerne.flows.completions import ENDPOINT as COMPLETIONS
from galerne.flows.completions import FIM_ENDPOINT as FIM
from galerne.flows.embeddings import ENDPOINT as EMBEDDINGS
from galerne.flows.files import Files
from galerne.flows.limits import check_limit
from galerne.flows.served import ServedModels
from galerne.flows.stored_files import ContentStore, Window
from galerne.identity.caller import Caller
from galerne.protocol.batches import InlineRequest
from galerne.protocol.metadata import Metadata
from galerne.settings import Settings

ENDPOINTS = (CHAT, COMPLETIONS, FIM, EMBEDDINGS)
"""The addresses that a batch's requests may be for."""

_id = re.compile(r"batch_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Order:
    """A batch as a client orders it, in either form. The route sets every field."""

    endpoint: str
    hours: int
    metadata: Metadata | None = None
    model: str | None = None
    input_files: Mapping[str, str] | None = None  # by the field that names each
    requests: Sequence[InlineRequest] | None = None  # where there are no files
    output_lifetime: int | None = None  # seconds


class Batches:
    """The flow behind `/v1/batch/jobs` and `/v1/batches`."""

    def __init__(
        self, jobs: JobStore, inputs: ContentStore, files: Files, models: ServedModels, settings: Settings
    ) -> None:
        self._jobs = jobs
        self._inputs = inputs
        self._files = files
        self._models = models
        self._settings = settings
        self._news = asyncio.Event()  # there is something to do for the runner

    async def take(self, order: Order, caller: Caller) -> BatchJob:
        """A new job. Raises `InvalidRequest`, `NotFound`, `TooLarge`, `DiskFull`."""
        self._check(order, caller)
        sources = [await self._source(where, id, caller) for where, id in (order.input_files or {}).items()]
        job = await asyncio.to_thread(self._take, order, sources, caller)
        self._news.set()
        return job

    async def find(self, id: str, caller: Caller) -> BatchJob:
        """Raises `NotFound`."""
        known = _id.fullmatch(id) is not None
        job = await asyncio.to_thread(self._jobs.find, id, caller.workspace) if known else None
        if job is None:
            raise NotFound(f"there is no batch {id[:100]!r} here.", where="id")
        return job

    async def page(self, caller: Caller, which: JobFilter, window: Window) -> JobPage:
        """Raises `NotFound`."""
        return await asyncio.to_thread(self._jobs.page, caller.workspace, which, window)

    async def cancel(self, id: str, caller: Caller) -> BatchJob:
        """The job, which ends soon. Raises `NotFound`, `InvalidRequest` for one that has ended already."""
        await self.find(id, caller)
        await asyncio.to_thread(self._jobs.cancel, id, caller.workspace)
        self._news.set()
        job = await self.find(id, caller)
        if job.cancel_asked is None:
            raise InvalidRequest(f"it has ended already: {job.status}.", where="id")
        return job

    async def delete(self, id: str, caller: Caller) -> None:
        """Forget a job that has ended; its files are kept. Raises `NotFound`, `Busy`."""
        job = await self.find(id, caller)
        if not await asyncio.to_thread(self._jobs.remove, id, caller.workspace):
            raise Busy(f"it has not ended: {job.status}.", where="id", hint="Cancel it first.")

    async def outputs(self, job: BatchJob, caller: Caller) -> list[dict[str, Any]] | None:
        """The lines of its files; None: it has not ended. Raises `NotFound` for a deleted file, `TooLarge`."""
        if job.status in OPEN:
            return None
        found = [await self._files.content(id, caller) for id in (job.output_file, job.error_file) if id is not None]
        if sum(file.size for file, _ in found) > self._settings.max_body_mb << 20:
            raise TooLarge(f"its results are larger than {self._settings.max_body_mb} MiB.", hint="Download the files.")
        return await asyncio.to_thread(_read_lines, [path for _, path in found])

    async def work(self, endpoints: Endpoints) -> None:
        """Work on the jobs, until cancelled."""
        await BatchRunner(self._jobs, self._inputs, self._files.contents, endpoints, self._settings, self._news).run()

    def tidy(self) -> None:
        """Remove what a killed process left of jobs that had ended. Blocks."""
        self._jobs.sweep()
        open_jobs = {job.id for job in self._jobs.open()}
        for id in self._inputs.abandoned():
            if id not in open_jobs:
                self._inputs.remove(id)

    def _check(self, order: Order, caller: Caller) -> None:
        if order.endpoint not in ENDPOINTS:
            raise InvalidRequest(
                f"{order.endpoint[:100]!r} cannot be asked in batches.",
                where="endpoint",
                hint=f"These can: {', '.join(ENDPOINTS)}.",
            )
        check_limit("metadata", len(order.metadata or {}), self._settings.max_metadata)
        if order.hours > self._settings.max_batch_hours:
            raise TooLarge(f"a batch has {self._settings.max_batch_hours} hours at most.", where="timeout_hours")
        if order.model is not None:
            models = self._models.of(caller)
            find = models.find_embedder if order.endpoint == EMBEDDINGS else models.find
            find(order.model)

    async def _source(self, where: str, id: str, caller: Caller) -> Source:
        try:
            file, path = await self._files.content(id, caller)
        except NotFound as error:
            raise NotFound(error.message, where=where) from None
        if file.purpose != "batch":
            raise InvalidRequest(f"the file's purpose is {file.purpose!r}, not 'batch'.", where=where)
        return Source(path, where)

    def _take(self, order: Order, sources: Sequence[Source], caller: Caller) -> BatchJob:
        id = f"batch_{uuid4().hex}"
        content = self._inputs.create(id)
        try:
            total = write_input(content, self._requests(order, sources), order.model, self._settings)
            now = int(time.time())
            job = BatchJob(
                id=id,
                workspace=caller.workspace,
                organisation=caller.organisation,
                user=caller.user,
                key=caller.key,
                endpoint=order.endpoint,
                model=order.model,
                metadata=order.metadata,
                input_files=list((order.input_files or {}).values()),
                total=total,
                created=now,
                deadline=now + order.hours * 3600,
                output_lifetime=order.output_lifetime,
            )
            content.keep()
            self._jobs.add(job, self._settings.max_batch_jobs)
        except BaseException:
            content.discard()
            raise
        return job

    def _requests(self, order: Order, sources: Sequence[Source]) -> Iterable[tuple[str, InlineRequest]]:
        if order.requests is None:
            return file_requests(sources, order.endpoint, self._settings)
        return ((f"requests[{number}]", request) for number, request in enumerate(order.requests))


def _read_lines(paths: Sequence[Path]) -> list[dict[str, Any]]:
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
