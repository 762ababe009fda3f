"""The end of a job: its results become an output file and an error file, each request in just one of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from galerne.flows.batch_input import Row, read_rows
from galerne.flows.batch_jobs import BatchJob, JobStore, RowResult, Status
from galerne.flows.files import new_file_id
from galerne.flows.stored_files import ContentStore, OpenContent, StoredFile

_UNDONE = {
    Status.CANCELLED: {
        "code": "batch_cancelled",
        "message": "the batch was cancelled before the turn of this request.",
    },
    Status.TIMEOUT_EXCEEDED: {"code": "batch_expired", "message": "the time was over before the turn of this request."},
}


def output_line(job: str, row: Row, *, response: Any = None, error: Any = None) -> str:
    """A line of an output or error file, as both official clients document it."""
    return json.dumps({"id": f"{job}-{row.number}", "custom_id": row.custom_id, "response": response, "error": error})


def finish(id: str, file: BinaryIO, jobs: JobStore, outputs: ContentStore) -> None:
    """End a job whose input this is. Blocks.

    Raises what the disk and the database raise: then it has not ended.
    """
    job = jobs.find(id)
    if job is None:
        return
    status, kept = _status(job), set[str]()
    output, error = outputs.create(new_file_id()), outputs.create(new_file_id())
    try:
        for result in _results(file, job, jobs.results(id), status):
            (output if result.ok else error).write(result.line.encode() + b"\n")
        for content in (output, error):
            content.keep()
        files = _file(job, output, "output", "batch_result"), _file(job, error, "error", "batch_error")
        if jobs.finish(id, status, *files):
            kept.update(known.id for known in files if known is not None)
    finally:
        for content in (output, error):
            if content.id not in kept:
                content.discard()


def _status(job: BatchJob) -> Status:
    if job.status is Status.CANCELLATION_REQUESTED:
        return Status.CANCELLED
    return Status.SUCCESS if job.succeeded + job.failed == job.total else Status.TIMEOUT_EXCEEDED


def _results(file: BinaryIO, job: BatchJob, recorded: Iterator[RowResult], status: Status) -> Iterator[RowResult]:
    """One for each row: what was recorded, or why nothing was."""
    result = next(recorded, None)
    for row in read_rows(file):
        if result is not None and result.row == row.number:
            yield result
            result = next(recorded, None)
        else:
            yield RowResult(row.number, False, output_line(job.id, row, error=_UNDONE[status]))


def _file(job: BatchJob, content: OpenContent, kind: str, sample_type: str) -> StoredFile | None:
    if not content.size:
        return None
    now = int(time.time())
    return StoredFile(
        id=content.id,
        workspace=job.workspace,
        name=f"{job.id}_{kind}.jsonl",
        media_type="application/jsonl",
        purpose="batch_output",
        sample_type=sample_type,
        source="mistral",
        size=content.size,
        sha256=content.sha256,
        lines=content.lines,
        created=now,
        expires=now + job.output_lifetime if job.output_lifetime is not None else None,
        user=job.user,
    )
