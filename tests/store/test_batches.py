"""The tables of batch jobs, on both kinds of databases: a result is kept once, and a job ends once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from tests.store.test_files import FILE

from galerne.errors import NotFound, TooLarge
from galerne.flows.batch_jobs import BatchJob, JobFilter, RowResult, Status
from galerne.flows.stored_files import Window
from galerne.identity.caller import Caller
from galerne.store.batches import SqlJobs
from galerne.store.database import Database
from galerne.store.files import SqlFiles

NOW = int(time.time())
JOB = BatchJob(
    id="batch-0",
    workspace="anna",
    organisation="default",
    user="anna@example.org",
    key="key-1",
    endpoint="/v1/chat/completions",
    model="fake",
    metadata={"a": "b", "\0": "😀"},
    input_files=["file-0"],
    total=3,
    created=NOW,
    deadline=NOW + 60,
    output_lifetime=None,
    errors=[],
)
ANY = Window(10)


@pytest.fixture
def store(database: Database) -> SqlJobs:
    store = SqlJobs(database)
    store.add(JOB, 10)
    store.add(replace(JOB, id="batch-1", metadata=None, model=None, created=NOW + 5), 10)
    store.add(replace(JOB, id="batch-bert", workspace="bert"), 10)
    return store


def ids(store: SqlJobs, which: JobFilter, window: Window = ANY) -> list[str]:
    return [job.id for job in store.page("anna", which, window).jobs]


def result(row: int, ok: bool = True, line: str = "{}") -> RowResult:
    return RowResult(row, ok, line)


def test_a_job_is_found_by_its_workspace(store: SqlJobs) -> None:
    assert store.find("batch-0", "anna") == JOB
    assert store.find("batch-0", "bert") is None
    assert store.find("batch-bert") == replace(JOB, id="batch-bert", workspace="bert")
    assert [job.id for job in store.open()] == ["batch-0", "batch-1", "batch-bert"]


def test_filters_and_windows(store: SqlJobs) -> None:
    assert ids(store, JobFilter()) == ["batch-1", "batch-0"]
    assert ids(store, JobFilter(model="fake")) == ["batch-0"]
    assert ids(store, JobFilter(metadata={"a": "b"})) == ["batch-0"]
    assert ids(store, JobFilter(metadata={"\0": "😀", "a": "b"})) == ["batch-0"]
    assert ids(store, JobFilter(metadata={"a": "c"})) == []
    assert ids(store, JobFilter(created_after=NOW + 0.5)) == ["batch-1"]
    assert ids(store, JobFilter(statuses=["RUNNING"])) == []
    assert ids(store, JobFilter(ordered_by=JOB.caller)) == ["batch-1", "batch-0"]
    assert ids(store, JobFilter(ordered_by=Caller("anna", user="somebody else"))) == []
    assert ids(store, JobFilter(ordered_by=Caller("anna", key="key-1"))) == ["batch-1", "batch-0"]
    assert ids(store, JobFilter(ordered_by=Caller("anna"))) == []
    assert ids(store, JobFilter(), Window(1, skip=1)) == ["batch-0"]
    assert ids(store, JobFilter(), Window(1, after="batch-1")) == ["batch-0"]
    with pytest.raises(NotFound):
        ids(store, JobFilter(), Window(1, after="batch-bert"))


def test_no_more_open_jobs_than_the_workspace_may_have(store: SqlJobs) -> None:
    with pytest.raises(TooLarge, match="have not ended"):
        store.add(replace(JOB, id="batch-9"), 2)
    store.finish("batch-1", Status.SUCCESS, None, None)
    store.add(replace(JOB, id="batch-9"), 2)


def test_results_are_kept_once_whoever_comes_first(store: SqlJobs) -> None:
    store.record("batch-0", [result(0, line="first"), result(2, ok=False)])
    store.record("batch-0", [result(0, line="second"), result(1)])
    assert [each.line for each in store.results("batch-0")] == ["first", "{}", "{}"]
    assert store.done("batch-0") == {0, 1, 2}
    assert store.done("batch-1") == set()
    job = store.find("batch-0")
    assert job is not None
    assert (job.succeeded, job.failed) == (2, 1)


def test_many_writers_keep_each_row_once(store: SqlJobs) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: store.record("batch-0", [result(row, line=str(n)) for row in range(50)]), range(8)))
    lines = [each.line for each in store.results("batch-0")]
    assert len(lines) == 50
    assert len(set(lines)) == 1  # one of them was first, with all of its rows


def test_results_come_in_order_whatever_their_number(store: SqlJobs) -> None:
    rows = list(range(1201))
    store.record("batch-0", [result(row) for row in reversed(rows)])
    assert [each.row for each in store.results("batch-0")] == rows


def test_a_job_begins_once_and_goes_on(store: SqlJobs) -> None:
    first = store.begin("batch-0")
    assert first is not None
    assert (first.status, first.started is not None) == (Status.RUNNING, True)
    assert store.begin("batch-0") == first
    assert store.begin("nothing") is None


def test_a_job_ends_once_with_its_files(store: SqlJobs, database: Database) -> None:
    store.record("batch-0", [result(0), result(1), result(2, ok=False)])
    output, error = replace(FILE, id="file-out"), replace(FILE, id="file-err")
    assert store.finish("batch-0", Status.SUCCESS, output, error)
    assert not store.finish("batch-0", Status.FAILED, replace(FILE, id="file-twice"), None)
    job = store.find("batch-0")
    assert job is not None
    assert (job.status, job.succeeded, job.failed) == (Status.SUCCESS, 2, 1)
    assert (job.output_file, job.error_file) == ("file-out", "file-err")
    assert SqlFiles(database).known(["file-out", "file-err", "file-twice"]) == {"file-out", "file-err"}
    assert list(store.results("batch-0")) == []
    store.record("batch-0", [result(0)])
    assert list(store.results("batch-0")) == []
    assert store.begin("batch-0") is None


def test_results_of_ended_jobs_are_swept_up(store: SqlJobs, database: Database) -> None:
    store.record("batch-1", [result(0)])
    store.record("batch-0", [result(row) for row in range(1200)])
    assert store.finish("batch-0", Status.SUCCESS, None, None)
    assert list(store.results("batch-0")) == []
    with database.write() as connection:  # as if the process had been killed in the middle
        connection.exec_driver_sql("INSERT INTO batch_results VALUES ('batch-0', 7, true, '{}')")
    store.sweep()
    assert list(store.results("batch-0")) == []
    assert len(list(store.results("batch-1"))) == 1


def test_cancelling_is_asked_for_while_the_job_is_open(store: SqlJobs) -> None:
    store.cancel("batch-0", "bert")
    store.cancel("batch-1", "anna")
    statuses = {job.id: job.status for job in store.open()}
    assert statuses["batch-0"] is Status.QUEUED
    assert statuses["batch-1"] is Status.CANCELLATION_REQUESTED
    store.finish("batch-1", Status.CANCELLED, None, None, ["because"])
    store.cancel("batch-1", "anna")
    job = store.find("batch-1")
    assert job is not None
    assert (job.status, job.errors) == (Status.CANCELLED, ["because"])


def test_only_what_has_ended_is_forgotten(store: SqlJobs) -> None:
    assert not store.remove("batch-0", "anna")
    store.finish("batch-0", Status.SUCCESS, None, None)
    assert not store.remove("batch-0", "bert")
    assert store.remove("batch-0", "anna")
    assert not store.remove("batch-0", "anna")
    assert ids(store, JobFilter(metadata={"a": "b"})) == []
