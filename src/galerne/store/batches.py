"""Batch jobs and what came of their requests, in tables. Fills the port `JobStore`."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import RowMapping

from galerne.errors import NotFound, TooLarge
from galerne.flows.batch_jobs import OPEN, BatchJob, JobFilter, JobPage, RowResult, Status
from galerne.flows.stored_files import StoredFile, Window
from galerne.store.database import Database
from galerne.store.files import insert_file
from galerne.store.labels import labelled, put_labels
from galerne.store.metadata import metadata

jobs = Table(
    "batch_jobs",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),  # the order of arrival
    Column("id", String(64), nullable=False, unique=True),
    Column("workspace", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("user", String(64)),
    Column("key", String(64)),
    Column("endpoint", String(255), nullable=False),
    Column("model", String(1024)),
    Column("metadata", Text),  # JSON, like the next one and the errors
    Column("input_files", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("output_lifetime", BigInteger),
    Column("status", String(32), nullable=False),
    Column("succeeded", Integer, nullable=False),  # while the job is open, its results are counted instead
    Column("failed", Integer, nullable=False),
    Column("started", BigInteger),
    Column("ended", BigInteger),
    Column("cancel_asked", BigInteger),
    Column("output_file", String(64)),
    Column("error_file", String(64)),
    Column("errors", Text, nullable=False),
    Index(None, "workspace", "number"),
    Index(None, "status"),
)

results = Table(
    "batch_results",  # of open jobs: then they are in files
    metadata,
    Column("job", String(64), ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("ok", Boolean, nullable=False),
    Column("line", Text, nullable=False),
)

_FIELDS = [jobs.c[name] for name in BatchJob.__slots__]
_JSON = ("metadata", "input_files", "errors")
_PAGE = 500
"""Results that are read, or removed, at a time."""


class SqlJobs:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: BatchJob, most: int) -> None:
        with self._database.write() as connection:
            mine = select(func.count()).where(jobs.c.workspace == job.workspace, jobs.c.status.in_(OPEN))
            if connection.execute(mine).scalar_one() >= most:
                raise TooLarge(f"{most} batches have not ended yet.", hint="Wait for one, or cancel one.")
            values = {name: getattr(job, name) for name in BatchJob.__slots__}
            connection.execute(insert(jobs).values(values | {name: json.dumps(values[name]) for name in _JSON}))
            put_labels(connection, job.id, job.metadata or {})

    def find(self, id: str, workspace: str | None = None) -> BatchJob | None:
        wanted = [jobs.c.id == id, *([jobs.c.workspace == workspace] if workspace is not None else [])]
        with self._database.read() as connection:
            rows = connection.execute(select(*_FIELDS).where(*wanted)).mappings().all()
            found = _jobs(connection, rows)
        return found[0] if found else None

    def page(self, workspace: str, which: JobFilter, window: Window) -> JobPage:
        wanted = [jobs.c.workspace == workspace, *_conditions(which)]
        number = jobs.c.number
        order = number.desc() if window.newest_first else number
        query = select(*_FIELDS).where(*wanted).order_by(order).limit(window.limit + 1).offset(window.skip)
        with self._database.read() as connection:
            if window.after is not None:
                last = select(number).where(jobs.c.id == window.after, jobs.c.workspace == workspace)
                place = connection.execute(last).scalar()
                if place is None:
                    raise NotFound(f"there is no batch {window.after!r} here.", where="after")
                query = query.where(number < place if window.newest_first else number > place)
            rows = connection.execute(query).mappings().all()
            total = connection.execute(select(func.count()).select_from(jobs).where(*wanted)).scalar_one()
            return JobPage(_jobs(connection, rows[: window.limit]), len(rows) > window.limit, total)

    def cancel(self, id: str, workspace: str) -> None:
        asked = {"status": Status.CANCELLATION_REQUESTED, "cancel_asked": int(time.time())}
        under_way = jobs.c.status.in_((Status.QUEUED, Status.RUNNING))
        with self._database.write() as connection:
            connection.execute(
                update(jobs).where(jobs.c.id == id, jobs.c.workspace == workspace, under_way).values(asked)
            )

    def remove(self, id: str, workspace: str) -> bool:
        with self._database.write() as connection:
            ended = jobs.c.status.not_in(OPEN)
            done = connection.execute(
                delete(jobs).where(jobs.c.id == id, jobs.c.workspace == workspace, ended).returning(jobs.c.id)
            )
            if done.first() is None:
                return False
            put_labels(connection, id, {})
            return True

    def open(self) -> Sequence[BatchJob]:
        with self._database.read() as connection:
            query = select(*_FIELDS).where(jobs.c.status.in_(OPEN)).order_by(jobs.c.number)
            return [_job(row, Counter()) for row in connection.execute(query).mappings()]

    def begin(self, id: str) -> BatchJob | None:
        with self._database.write() as connection:
            queued = (jobs.c.id == id) & (jobs.c.status == Status.QUEUED)
            connection.execute(update(jobs).where(queued).values(status=Status.RUNNING, started=int(time.time())))
        job = self.find(id)
        return job if job is not None and job.status in OPEN else None

    def done(self, id: str) -> set[int]:
        with self._database.read() as connection:
            return set(connection.execute(select(results.c.row).where(results.c.job == id)).scalars())

    def record(self, id: str, new: Sequence[RowResult]) -> None:
        with self._database.write() as connection:
            if _lock(connection, id) is None:
                return
            asked = select(results.c.row).where(results.c.job == id, results.c.row.in_([each.row for each in new]))
            known = set(connection.execute(asked).scalars())
            rows = [{"job": id, "row": r.row, "ok": r.ok, "line": r.line} for r in new if r.row not in known]
            if rows:
                connection.execute(insert(results), rows)

    def results(self, id: str) -> Iterator[RowResult]:
        last = -1
        while True:
            query = select(results.c.row, results.c.ok, results.c.line).where(results.c.job == id, results.c.row > last)
            with self._database.read() as connection:
                page = connection.execute(query.order_by(results.c.row).limit(_PAGE)).all()
            for row, ok, line in page:
                yield RowResult(row, ok, line)
            if len(page) < _PAGE:
                return
            last = page[-1].row

    def finish(
        self, id: str, status: Status, output: StoredFile | None, error: StoredFile | None, errors: Sequence[str] = ()
    ) -> bool:
        with self._database.write() as connection:
            if _lock(connection, id) is None:
                return False
            counts = _counts(connection, [id])
            for file in (output, error):
                if file is not None:
                    insert_file(connection, file)
            end = {
                "status": status,
                "succeeded": counts[id, True],
                "failed": counts[id, False],
                "ended": int(time.time()),
                "output_file": output and output.id,
                "error_file": error and error.id,
                "errors": json.dumps(list(errors)),
            }
            connection.execute(update(jobs).where(jobs.c.id == id).values(end))
        self._forget_results(id)
        return True

    def sweep(self) -> None:
        ended = select(results.c.job).join(jobs, jobs.c.id == results.c.job).where(jobs.c.status.not_in(OPEN))
        with self._database.read() as connection:
            left = connection.execute(ended.distinct()).scalars().all()
        for id in left:
            self._forget_results(id)

    def _forget_results(self, id: str) -> None:
        """A page at a time: others want to write, too."""
        page = select(results.c.row).where(results.c.job == id).limit(_PAGE)
        while True:
            with self._database.write() as connection:
                removed = connection.execute(delete(results).where(results.c.job == id, results.c.row.in_(page)))
            if removed.rowcount < _PAGE:
                return


def _lock(connection: Connection, id: str) -> str | None:
    """The job, if it is open, and nobody else's until the transaction ends."""
    return connection.execute(
        select(jobs.c.id).where(jobs.c.id == id, jobs.c.status.in_(OPEN)).with_for_update()
    ).scalar()


def _conditions(which: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.model is not None:
        conditions.append(jobs.c.model == which.model)
    if which.statuses is not None:
        conditions.append(jobs.c.status.in_(which.statuses))
    if which.created_after is not None:
        conditions.append(jobs.c.created > which.created_after)
    if which.ordered_by is not None:
        by = "user" if which.ordered_by.user is not None else "key"
        conditions.append(jobs.c[by].is_not_distinct_from(getattr(which.ordered_by, by)))
    return [*conditions, labelled(jobs.c.id, dict(which.metadata))]


def _counts(connection: Connection, ids: Sequence[str]) -> Counter[tuple[str, bool]]:
    """How many results the jobs have, by (job, ok)."""
    query = select(results.c.job, results.c.ok, func.count()).where(results.c.job.in_(ids))
    found = connection.execute(query.group_by(results.c.job, results.c.ok))
    return Counter({(job, ok): count for job, ok, count in found})


def _jobs(connection: Connection, rows: Sequence[RowMapping]) -> Sequence[BatchJob]:
    counts = _counts(connection, [row["id"] for row in rows if row["status"] in OPEN])
    return [_job(row, counts) for row in rows]


def _job(row: RowMapping, counts: Counter[tuple[str, bool]]) -> BatchJob:
    fields: dict[str, Any] = dict(row) | {name: row[name] and json.loads(row[name]) for name in _JSON}
    if row["status"] in OPEN:
        fields |= {"succeeded": counts[row["id"], True], "failed": counts[row["id"], False]}
    return BatchJob(**fields | {"status": Status(row["status"])})
