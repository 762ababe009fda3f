"""Batches: many requests at once, answered when there is room. As `mistralai` speaks of them (`/v1/batch/jobs`), and as
`openai` does (`/v1/batches`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, FailFast, Field, model_validator

from galerne.protocol.answers import AnswerModel, Optional
from galerne.protocol.days import Moment
from galerne.protocol.files import LONGEST_HOURS, Word
from galerne.protocol.limits import limited
from galerne.protocol.messages import ProtocolModel
from galerne.protocol.metadata import Metadata
from galerne.protocol.unsupported import only

JobStatus = Literal["QUEUED", "RUNNING", "SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLATION_REQUESTED", "CANCELLED"]
CustomId = Annotated[str, Field(min_length=1, max_length=512)]


class InlineRequest(ProtocolModel):
    body: dict[str, Any]  # checked when its turn comes, as that of a request of its own
    custom_id: CustomId | None = None


class BatchLine(InlineRequest):
    """A line of an input file. `openai` repeats the address in each."""

    method: Literal["POST"] | None = None
    url: str | None = None


class JobRequest(ProtocolModel):
    """`POST /v1/batch/jobs`."""

    endpoint: str = Field(max_length=255)
    input_files: list[Word] | None = Field(None, min_length=1, max_length=100)
    requests: Annotated[list[InlineRequest] | None, FailFast(), Field(min_length=1)] = None
    model: str | None = Field(None, min_length=1, max_length=1024, description="For the requests that name none.")
    metadata: Metadata | None = Field(None, json_schema_extra=limited("max_metadata"))
    timeout_hours: int = Field(24, ge=1, json_schema_extra=limited("max_batch_hours"))
    agent_id: Annotated[Any, only()] = None

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if (self.input_files is None) == (self.requests is None):
            raise ValueError("send either `input_files` or `requests`")
        return self


class OutputExpiry(ProtocolModel):
    anchor: Literal["created_at"]
    seconds: int = Field(ge=3600, le=LONGEST_HOURS * 3600)


class BatchRequest(ProtocolModel):
    """`POST /v1/batches`."""

    endpoint: str = Field(max_length=255)
    input_file_id: Word
    completion_window: str = Field(pattern=r"^[1-9][0-9]{0,5}h$", description="Hours, for example `24h`.")
    metadata: Metadata | None = Field(None, json_schema_extra=limited("max_metadata"))
    output_expires_after: OutputExpiry | None = None

    @property
    def timeout_hours(self) -> int:
        return int(self.completion_window.removesuffix("h"))


class JobQuery(ProtocolModel):
    """Which jobs to list. `mistralai` sends each pair of `metadata` as a parameter of its own: so whatever is none of
    these has to be in a job's metadata."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, str]

    page: int = Field(0, ge=0, le=2**31, strict=False)
    page_size: int = Field(100, ge=1, le=1000, strict=False)
    model: Word | None = None
    created_after: Moment | None = None
    created_by_me: bool = Field(False, strict=False)
    status: list[JobStatus] | None = Field(None, max_length=100)
    order_by: Literal["created", "-created"] = "-created"
    agent_id: Annotated[Any, only()] = None

    @property
    def metadata(self) -> dict[str, str]:
        return self.__pydantic_extra__


class BatchQuery(ProtocolModel):
    after: Word | None = None
    limit: int = Field(20, ge=1, le=100, strict=False)


class JobError(AnswerModel):
    message: str
    count: int = 1


class Job(AnswerModel):
    """A batch in `mistralai`'s words."""

    id: str
    object: Literal["batch"] = "batch"
    input_files: list[str]
    endpoint: str
    model: str | None
    agent_id: None = None
    metadata: Metadata | None
    status: JobStatus
    created_at: int  # seconds since 1970, as all of these
    started_at: int | None
    completed_at: int | None
    total_requests: int
    completed_requests: int  # answered or failed
    succeeded_requests: int
    failed_requests: int
    output_file: str | None
    error_file: str | None
    errors: list[JobError]
    outputs: Optional[list[dict[str, Any]]] = None  # the lines of both files, where they were asked for


class JobList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[Job]
    total: int


class JobDeleted(AnswerModel):
    id: str
    object: Literal["batch"] = "batch"
    deleted: Literal[True] = True


class BatchFault(AnswerModel):
    code: str
    message: str
    line: None = None
    param: None = None


class BatchFaults(AnswerModel):
    object: Literal["list"] = "list"
    data: list[BatchFault]


class BatchCounts(AnswerModel):
    total: int
    completed: int  # answered
    failed: int


class Batch(AnswerModel):
    """A batch in `openai`'s words."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    model: str | None
    input_file_id: str  # "" where the requests came with the job
    completion_window: str
    status: Literal["validating", "failed", "in_progress", "completed", "expired", "cancelling", "cancelled"]
    errors: BatchFaults | None
    output_file_id: str | None
    error_file_id: str | None
    created_at: int  # seconds since 1970, as all of these
    in_progress_at: int | None
    expires_at: int
    finalizing_at: None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    request_counts: BatchCounts
    metadata: Metadata | None


class BatchList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[Batch]
    has_more: bool
    first_id: str | None
    last_id: str | None
