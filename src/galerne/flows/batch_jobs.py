"""Batch jobs: what is known of them, and the ports that they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from galerne.flows.stored_files import StoredFile, Window
from galerne.identity.caller import Caller
from galerne.identity.permissions import IN_BATCHES
from galerne.protocol.metadata import Metadata


class Status(StrEnum):
    """In `mistralai`'s words.

    QUEUED -> RUNNING -> SUCCESS, FAILED, TIMEOUT_EXCEEDED
    either of the first two -> CANCELLATION_REQUESTED -> CANCELLED
    """

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    TIMEOUT_EXCEEDED = "TIMEOUT_EXCEEDED"
    CANCELLATION_REQUESTED = "CANCELLATION_REQUESTED"
    CANCELLED = "CANCELLED"


OPEN = (Status.QUEUED, Status.RUNNING, Status.CANCELLATION_REQUESTED)


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A job. The flow that takes it sets the fields without a default, the runner's store the others. Times are in
    seconds since 1970."""

    id: str
    workspace: str
    organisation: str
    user: str | None
    key: str | None  # the id of the one that was shown
    endpoint: str  # the address that its requests would have been sent to
    model: str | None
    metadata: Metadata | None
    input_files: Sequence[str]
    total: int  # requests
    created: int
    deadline: int
    output_lifetime: int | None  # seconds; None: its files are kept
    status: Status = Status.QUEUED
    succeeded: int = 0
    failed: int = 0
    started: int | None = None
    ended: int | None = None
    cancel_asked: int | None = None
    output_file: str | None = None
    error_file: str | None = None
    errors: Sequence[str] = ()  # why the job itself failed

    @property
    def caller(self) -> Caller:
        """Who asks for the job's requests: who ordered it, in no hurry."""
        return Caller(self.workspace, self.organisation, self.user, self.key, permissions=IN_BATCHES, patient=True)


@dataclass(frozen=True, slots=True)
class RowResult:
    """What came of one request of a job. The job's work sets every field."""

    row: int  # its number in the input, from 0
    ok: bool
    line: str  # JSON, of the output or the error file


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs of a workspace; None: any. Whoever lists sets every field."""

    model: str | None = None
    statuses: Sequence[str] | None = None
    created_after: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    ordered_by: Caller | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """What is in a window. `JobStore.page` sets every field."""

    jobs: Sequence[BatchJob]
    more: bool  # there are others beyond it
    total: int  # in all windows


class JobStore(Protocol):
    """What is known of jobs and of what came of their requests. Its methods block."""

    def add(self, job: BatchJob, most: int) -> None:
        """Raises `TooLarge` when its workspace has `most` open ones already."""

    def find(self, id: str, workspace: str | None = None) -> BatchJob | None:
        """`workspace` None: whosoever it is."""

    def page(self, workspace: str, which: JobFilter, window: Window) -> JobPage:
        """Raises `NotFound` when `after` is none of the workspace's."""

    def cancel(self, id: str, workspace: str) -> None:
        """Ask for the end of a job. Harmless when it has ended, or is none."""

    def remove(self, id: str, workspace: str) -> bool:
        """False: there is none that has ended."""

    def open(self) -> Sequence[BatchJob]:
        """Those that have not ended, of all workspaces, the oldest first."""

    def begin(self, id: str) -> BatchJob | None:
        """The job, which is running from now on at the latest. None: it has ended, or is gone."""

    def done(self, id: str) -> set[int]:
        """The rows that have a result."""

    def record(self, id: str, results: Sequence[RowResult]) -> None:
        """Keep all of the results or none. A row that has a result keeps it; so does a job that has ended."""

    def results(self, id: str) -> Iterator[RowResult]:
        """In the order of the rows."""

    def finish(
        self, id: str, status: Status, output: StoredFile | None, error: StoredFile | None, errors: Sequence[str] = ()
    ) -> bool:
        """End the job and let its files be known, in one step. False: it has ended already, or is gone."""

    def sweep(self) -> None:
        """Remove what results a killed process left of jobs that had ended."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered to a request. Whoever fills `Endpoints` sets every field."""

    status: int
    request_id: str
    body: bytes  # JSON
    retry_after: float | None  # seconds; not None: it would have been right, but not now


class Endpoints(Protocol):
    """The server's own addresses, asked from inside."""

    async def answer(self, path: str, body: bytes, caller: Caller) -> Reply:
        """Just what a client would be answered. Cancelling it is leaving before the answer."""
