"""A batch job -> what it is called in either client's words."""

from __future__ import annotations

from typing import Any, Literal

from galerne.flows.batch_jobs import BatchJob, Status
from galerne.protocol.batches import Batch, BatchCounts, BatchFault, BatchFaults, Job, JobError

OpenAiStatus = Literal["validating", "failed", "in_progress", "completed", "expired", "cancelling", "cancelled"]

_STATUS: dict[Status, OpenAiStatus] = {
    Status.QUEUED: "validating",
    Status.RUNNING: "in_progress",
    Status.SUCCESS: "completed",
    Status.FAILED: "failed",
    Status.TIMEOUT_EXCEEDED: "expired",
    Status.CANCELLATION_REQUESTED: "cancelling",
    Status.CANCELLED: "cancelled",
}


def mistral_job(job: BatchJob, outputs: list[dict[str, Any]] | None = None) -> Job:
    return Job(
        id=job.id,
        input_files=list(job.input_files),
        endpoint=job.endpoint,
        model=job.model,
        metadata=job.metadata,
        status=job.status.value,
        created_at=job.created,
        started_at=job.started,
        completed_at=job.ended,
        total_requests=job.total,
        completed_requests=job.succeeded + job.failed,
        succeeded_requests=job.succeeded,
        failed_requests=job.failed,
        output_file=job.output_file,
        error_file=job.error_file,
        errors=[JobError(message=message) for message in job.errors],
        outputs=outputs,
    )


def openai_batch(job: BatchJob) -> Batch:
    faults = [BatchFault(code="batch_failed", message=message) for message in job.errors]

    def ended(status: Status) -> int | None:
        return job.ended if job.status is status else None

    return Batch(
        id=job.id,
        endpoint=job.endpoint,
        model=job.model,
        input_file_id=job.input_files[0] if job.input_files else "",
        completion_window=f"{(job.deadline - job.created) // 3600}h",
        status=_STATUS[job.status],
        errors=BatchFaults(data=faults) if faults else None,
        output_file_id=job.output_file,
        error_file_id=job.error_file,
        created_at=job.created,
        in_progress_at=job.started,
        expires_at=job.deadline,
        completed_at=ended(Status.SUCCESS),
        failed_at=ended(Status.FAILED),
        expired_at=ended(Status.TIMEOUT_EXCEEDED),
        cancelling_at=job.cancel_asked,
        cancelled_at=ended(Status.CANCELLED),
        request_counts=BatchCounts(total=job.total, completed=job.succeeded, failed=job.failed),
        metadata=job.metadata,
    )
