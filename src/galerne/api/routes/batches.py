"""`/v1/batch/jobs`, as `mistralai` speaks of batches, and `/v1/batches`, as `openai` does: the same jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from galerne.api.access import needs
from galerne.api.batch_cards import mistral_job, openai_batch
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.router import Router
from galerne.errors import (
    Busy,
    DatabaseUnavailable,
    InvalidRequest,
    ModelNotFound,
    NotFound,
    TooLarge,
    UnsupportedField,
)
from galerne.flows.batch_jobs import JobFilter
from galerne.flows.batches import Batches, Order
from galerne.flows.stored_files import Window
from galerne.identity.permissions import Permission
from galerne.protocol.batches import (
    Batch,
    BatchList,
    BatchQuery,
    BatchRequest,
    Job,
    JobDeleted,
    JobList,
    JobQuery,
    JobRequest,
)
from galerne.settings import Settings

_ORDERING = [needs(Permission.CHAT)]  # what its requests will do
_TAKING = fails(*READING, *KEEPING, NotFound, ModelNotFound)
_LISTING = fails(NotFound, InvalidRequest, UnsupportedField, DatabaseUnavailable)
_FINDING = fails(NotFound, DatabaseUnavailable)
_CANCELLING = fails(NotFound, InvalidRequest, *KEEPING)


def batch_routes(batches: Batches, settings: Settings) -> Router:
    router = Router(tags=["batches"], dependencies=[needs(Permission.BATCHES)])
    _mistral(router, batches, settings)
    _openai(router, batches, settings)
    return router


def _mistral(router: Router, batches: Batches, settings: Settings) -> None:
    @router.post("/v1/batch/jobs", responses=_TAKING, openapi_extra=takes(JobRequest), dependencies=_ORDERING)
    async def create_job(http: Request) -> Job:
        """Leave many requests to be answered when there is room. What is wrong with their form is said at once."""
        request = await read(JobRequest, http, settings)
        order = Order(
            endpoint=request.endpoint,
            hours=request.timeout_hours,
            metadata=request.metadata,
            model=request.model,
            input_files=_named(request.input_files),
            requests=request.requests,
        )
        return mistral_job(await batches.take(order, caller_of(http)))

    @router.get("/v1/batch/jobs", responses=_LISTING)
    async def list_jobs(http: Request, query: Annotated[JobQuery, Query()]) -> JobList:
        """The workspace's batches. Any other parameter has to be in their metadata, as `mistralai` sends it."""
        caller = caller_of(http)
        window = Window(query.page_size, skip=query.page * query.page_size, newest_first=query.order_by == "-created")
        which = JobFilter(
            model=query.model,
            statuses=query.status,
            created_after=None if query.created_after is None else query.created_after.timestamp(),
            metadata=query.metadata,
            ordered_by=caller if query.created_by_me else None,
        )
        page = await batches.page(caller, which, window)
        return JobList(data=[mistral_job(job) for job in page.jobs], total=page.total)

    @router.get("/v1/batch/jobs/{job_id}", responses=_FINDING | fails(TooLarge))
    async def show_job(http: Request, job_id: str, inline: bool | None = None) -> Job:
        """How far a batch is; with `inline`, its results too, once it has ended."""
        caller = caller_of(http)
        job = await batches.find(job_id, caller)
        return mistral_job(job, await batches.outputs(job, caller) if inline else None)

    @router.post("/v1/batch/jobs/{job_id}/cancel", responses=_CANCELLING)
    async def cancel_job(http: Request, job_id: str) -> Job:
        """End a batch soon. What is done is kept."""
        return mistral_job(await batches.cancel(job_id, caller_of(http)))

    @router.delete("/v1/batch/jobs/{job_id}", responses=fails(NotFound, Busy, *KEEPING))
    async def delete_job(http: Request, job_id: str) -> JobDeleted:
        """Forget a batch that has ended. Its files are kept."""
        await batches.delete(job_id, caller_of(http))
        return JobDeleted(id=job_id)


def _openai(router: Router, batches: Batches, settings: Settings) -> None:
    @router.post("/v1/batches", responses=_TAKING, openapi_extra=takes(BatchRequest), dependencies=_ORDERING)
    async def create_batch(http: Request) -> Batch:
        """Leave many requests to be answered when there is room. What is wrong with their form is said at once."""
        request = await read(BatchRequest, http, settings)
        expiry = request.output_expires_after
        order = Order(
            endpoint=request.endpoint,
            hours=request.timeout_hours,
            metadata=request.metadata,
            input_files={"input_file_id": request.input_file_id},
            output_lifetime=None if expiry is None else expiry.seconds,
        )
        return openai_batch(await batches.take(order, caller_of(http)))

    @router.get("/v1/batches", responses=_LISTING)
    async def list_batches(http: Request, query: Annotated[BatchQuery, Query()]) -> BatchList:
        """The workspace's batches, the newest first."""
        page = await batches.page(caller_of(http), JobFilter(), Window(query.limit, after=query.after))
        return BatchList(
            data=[openai_batch(job) for job in page.jobs],
            has_more=page.more,
            first_id=page.jobs[0].id if page.jobs else None,
            last_id=page.jobs[-1].id if page.jobs else None,
        )

    @router.get("/v1/batches/{batch_id}", responses=_FINDING)
    async def show_batch(http: Request, batch_id: str) -> Batch:
        """How far a batch is."""
        return openai_batch(await batches.find(batch_id, caller_of(http)))

    @router.post("/v1/batches/{batch_id}/cancel", responses=_CANCELLING)
    async def cancel_batch(http: Request, batch_id: str) -> Batch:
        """End a batch soon. What is done is kept."""
        return openai_batch(await batches.cancel(batch_id, caller_of(http)))


def _named(ids: list[str] | None) -> dict[str, str] | None:
    return None if ids is None else {f"input_files[{number}]": id for number, id in enumerate(ids)}
