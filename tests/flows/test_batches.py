"""Batches over endpoints that a test answers for: every request is answered once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.flows.fakes import ScriptedGenerator, served
from tests.store.ready import lay_out

from galerne.bootstrap import open_kept
from galerne.errors import DatabaseUnavailable, InvalidRequest
from galerne.flows import batch_runner, batch_work
from galerne.flows.batch_jobs import OPEN, BatchJob, Reply, Status
from galerne.flows.batches import Order
from galerne.identity.caller import Caller
from galerne.identity.permissions import IN_BATCHES
from galerne.protocol.batches import InlineRequest
from galerne.settings import Settings

ANNA, BERT = Caller("anna"), Caller("bert")
CHAT = "/v1/chat/completions"


def reply(status: int = 200, body: Any = None, retry_after: float | None = None) -> Reply:
    return Reply(status, "request-id", json.dumps(body or {"ok": True}).encode(), retry_after)


class Answers:
    """Fills the port `Endpoints`, and counts who asked for what."""

    def __init__(self, answer: Callable[[Any], Awaitable[Reply]] | None = None) -> None:
        self._answer = answer
        self.asked = Counter[str]()
        self.under_way = 0
        self.most = 0
        self.callers = set[Caller]()

    async def answer(self, path: str, body: bytes, caller: Caller) -> Reply:
        assert path == CHAT
        request = json.loads(body)
        self.asked[request["say"]] += 1
        self.callers.add(caller)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0)
            return reply(body=request) if self._answer is None else await self._answer(request)
        finally:
            self.under_way -= 1


class Desk:
    """The flow over a database and files in a folder."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        settings = {"disk_reserve_mb": 0} | settings
        lay_out(folder)
        self.database, self.kept = open_kept(
            served(ScriptedGenerator(lambda _: b"")), Settings(data_dir=folder, **settings)
        )
        self.batches = self.kept.batches

    async def take(self, *says: str, caller: Caller = ANNA, hours: int = 24, **fields: Any) -> BatchJob:
        requests = [InlineRequest(custom_id=say, body={"say": say}) for say in says]
        return await self.batches.take(Order(CHAT, hours, requests=requests, **fields), caller)

    @asynccontextmanager
    async def working(self, endpoints: Answers) -> AsyncIterator[None]:
        task = asyncio.create_task(self.batches.work(endpoints))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def ended(self, job: BatchJob, caller: Caller = ANNA) -> BatchJob:
        async with asyncio.timeout(30):
            while (now := await self.batches.find(job.id, caller)).status in OPEN:
                await asyncio.sleep(0.01)
        return now

    async def lines(self, file: str | None, caller: Caller = ANNA) -> list[Any]:
        if file is None:
            return []
        _, path = await self.kept.files.content(file, caller)
        return [json.loads(line) for line in path.read_text().splitlines()]

    def inputs(self) -> list[str]:
        return [path.name for path in (self.folder / "batches").iterdir()]

    async def tidied(self) -> None:
        """Wait until no input is left: it goes after the job has ended."""
        async with asyncio.timeout(30):
            while self.inputs():
                await asyncio.sleep(0.01)


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    desk = Desk(tmp_path)
    yield desk
    desk.database.close()


SAYS = [f"number {number}" for number in range(40)]


async def test_every_request_is_answered_once_and_in_order(desk: Desk) -> None:
    answers = Answers()
    job = await desk.take(*SAYS, metadata={"a": "b"}, output_lifetime=7200)
    assert (job.status, job.total) == (Status.QUEUED, 40)
    async with desk.working(answers):
        job = await desk.ended(job)
        await desk.tidied()
    assert (job.status, job.succeeded, job.failed, job.error_file) == (Status.SUCCESS, 40, 0, None)
    assert answers.asked == Counter(SAYS)
    assert answers.most <= 16
    assert answers.callers == {Caller("anna", permissions=IN_BATCHES, patient=True)}
    lines = await desk.lines(job.output_file)
    assert [line["custom_id"] for line in lines] == SAYS
    assert lines[3] == {
        "id": f"{job.id}-3",
        "custom_id": "number 3",
        "response": {"status_code": 200, "request_id": "request-id", "body": {"say": "number 3"}},
        "error": None,
    }
    assert job.output_file is not None
    file = await desk.kept.files.find(job.output_file, ANNA)
    assert (file.purpose, file.sample_type, file.lines) == ("batch_output", "batch_result", 40)
    assert file.expires == file.created + 7200


async def test_what_fails_goes_into_a_file_of_its_own(desk: Desk) -> None:
    async def answer(request: Any) -> Reply:
        return reply(422, {"code": "no"}) if request["say"].endswith("3") else reply()

    job = await desk.take(*SAYS)
    async with desk.working(Answers(answer)):
        job = await desk.ended(job)
    assert (job.status, job.succeeded, job.failed) == (Status.SUCCESS, 36, 4)
    failed = await desk.lines(job.error_file)
    assert [line["custom_id"] for line in failed] == [f"number {number}" for number in (3, 13, 23, 33)]
    assert failed[0]["response"]["status_code"] == 422
    assert await desk.batches.outputs(job, ANNA) == await desk.lines(job.output_file) + failed


async def test_what_is_refused_for_now_is_asked_again(desk: Desk) -> None:
    asked = Counter[str]()

    async def answer(request: Any) -> Reply:
        asked[request["say"]] += 1
        return reply(503, {"code": "queue_full"}, 0.001) if asked[request["say"]] < 6 else reply()

    job = await desk.take("a", "b")
    async with desk.working(Answers(answer)):
        job = await desk.ended(job)
    assert (job.succeeded, asked) == (2, {"a": 6, "b": 6})


async def test_requests_whose_model_is_unloaded_wait_for_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_work, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(batch_runner, "REST_SECONDS", 0.01)
    monkeypatch.setattr(batch_runner, "LOOK_SECONDS", 0.01)
    loaded = {"small"}

    async def answer(request: Any) -> Reply:
        return reply() if request["model"] in loaded else reply(404, {"code": "model_not_loaded", "message": "no"})

    answers = Answers(answer)
    bodies = [{"say": f"{model} {number}", "model": model} for number in range(20) for model in ("large", "small")]
    order = Order(CHAT, 24, requests=[InlineRequest(custom_id=body["say"], body=body) for body in bodies])
    job = await desk.batches.take(order, ANNA)
    async with desk.working(answers):
        async with asyncio.timeout(30):
            while answers.asked["large 0"] < batch_runner.MOST_FAILURES + 2:  # however long it takes
                await asyncio.sleep(0.01)
        job = await desk.batches.find(job.id, ANNA)
        assert (job.status, job.succeeded, job.failed) == (Status.RUNNING, 20, 0)
        loaded.add("large")
        job = await desk.ended(job)
    assert (job.status, job.succeeded, job.failed) == (Status.SUCCESS, 40, 0)
    assert {answers.asked[body["say"]] for body in bodies if body["model"] == "small"} == {1}


async def test_a_request_that_brings_the_engine_down_does_not_do_so_for_ever(desk: Desk) -> None:
    answers = Answers(lambda _: _later(reply(503, {"code": "engine_failed"}, 0.001)))
    job = await desk.take("a")
    async with desk.working(answers):
        job = await desk.ended(job)
    assert (job.failed, answers.asked["a"]) == (1, 3)


async def _later(reply: Reply) -> Reply:
    return reply


async def test_a_job_goes_on_where_a_server_that_ended_left_it(tmp_path: Path) -> None:
    first, stuck = Desk(tmp_path), asyncio.Event()

    async def half(request: Any) -> Reply:
        if int(request["say"].split()[1]) >= 20:
            await stuck.wait()
        return reply()

    before, after = Answers(half), Answers()
    job = await first.take(*SAYS)
    async with first.working(before):
        while (await first.batches.find(job.id, ANNA)).succeeded < 20:
            await asyncio.sleep(0.01)
    first.database.close()
    second = Desk(tmp_path)
    async with second.working(after):
        job = await second.ended(job)
    assert job.succeeded == 40
    assert sorted(after.asked) == sorted(SAYS[20:])
    assert [line["custom_id"] for line in await second.lines(job.output_file)] == SAYS
    second.database.close()


async def test_two_servers_never_work_on_one_job_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_runner, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(batch_runner, "REST_SECONDS", 0.02)
    answers = Answers(lambda _: _slowly())
    first, second = Desk(tmp_path), Desk(tmp_path)
    jobs = [await first.take(*SAYS), await second.take(*SAYS, caller=BERT)]
    async with first.working(answers), second.working(answers):
        assert (await first.ended(jobs[0])).succeeded == 40
        assert (await second.ended(jobs[1], BERT)).succeeded == 40
    assert answers.asked == Counter(SAYS * 2)
    first.database.close()
    second.database.close()


async def _slowly() -> Reply:
    await asyncio.sleep(0.01)
    return reply()


async def test_a_cancelled_job_ends_with_what_is_done(desk: Desk) -> None:
    async def answer(request: Any) -> Reply:
        if int(request["say"].split()[1]) >= 7:
            await asyncio.Event().wait()
        return reply()

    answers = Answers(answer)
    job = await desk.take(*SAYS)
    async with desk.working(answers):
        while (await desk.batches.find(job.id, ANNA)).succeeded < 7:
            await asyncio.sleep(0.01)
        assert (await desk.batches.cancel(job.id, ANNA)).cancel_asked is not None
        job = await desk.ended(job)
        await desk.tidied()
    assert (job.status, job.succeeded, job.failed, answers.under_way) == (Status.CANCELLED, 7, 0, 0)
    undone = await desk.lines(job.error_file)
    assert [line["custom_id"] for line in await desk.lines(job.output_file) + undone] == SAYS
    assert {line["error"]["code"] for line in undone} == {"batch_cancelled"}
    assert (await desk.batches.cancel(job.id, ANNA)).status is Status.CANCELLED


async def test_a_job_may_be_cancelled_before_its_turn(desk: Desk) -> None:
    answers = Answers()
    job = await desk.take(*SAYS)
    await desk.batches.cancel(job.id, ANNA)
    async with desk.working(answers):
        job = await desk.ended(job)
    assert (job.status, answers.asked.total(), job.output_file) == (Status.CANCELLED, 0, None)
    assert len(await desk.lines(job.error_file)) == 40


async def test_a_job_whose_time_is_over_ends_with_what_is_done(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_runner, "LOOK_SECONDS", 0.01)

    async def answer(request: Any) -> Reply:
        if request["say"] == "b":
            await asyncio.Event().wait()
        return reply()

    job = await desk.take("a", "b", hours=1)
    async with desk.working(Answers(answer)):
        while (await desk.batches.find(job.id, ANNA)).succeeded < 1:
            await asyncio.sleep(0.01)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3601)
        job = await desk.ended(job)
    assert (job.status, job.succeeded) == (Status.TIMEOUT_EXCEEDED, 1)
    assert (await desk.lines(job.error_file))[0]["error"]["code"] == "batch_expired"


async def test_workspaces_take_turns(tmp_path: Path) -> None:
    desk, begun = Desk(tmp_path, batch_jobs=2), []

    async def answer(request: Any) -> Reply:
        begun.append(request["say"])
        return reply()

    jobs = [await desk.take(f"anna {number}") for number in range(3)]
    other = await desk.take("bert", caller=BERT)
    async with desk.working(Answers(answer)):
        for job in jobs:
            await desk.ended(job)
        await desk.ended(other, BERT)
    assert begun.index("bert") < 2
    desk.database.close()


async def test_a_job_that_waits_long_makes_room_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_runner, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(batch_runner, "REST_SECONDS", 0.01)
    monkeypatch.setattr(batch_runner, "LONGEST_REST", 0.2)
    desk, free = Desk(tmp_path, batch_jobs=1), asyncio.Event()

    async def answer(request: Any) -> Reply:
        quota = not free.is_set() and request["say"] == "anna"
        return reply(429, {"message": "the quota is used up."}, 86_400.0) if quota else reply()

    mine, theirs = await desk.take("anna"), await desk.take("bert", caller=BERT)
    async with desk.working(Answers(answer)):
        assert (await desk.ended(theirs, BERT)).succeeded == 1
        assert (await desk.batches.find(mine.id, ANNA)).status is Status.RUNNING
        free.set()
        assert (await desk.ended(mine)).succeeded == 1
    desk.database.close()


async def test_a_database_that_comes_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_runner, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(batch_runner, "REST_SECONDS", 0.01)
    jobs = desk.batches._jobs
    failures = iter([True] * 8)
    for name in ("open", "begin", "record", "finish"):
        monkeypatch.setattr(jobs, name, _failing(getattr(jobs, name), failures))
    job = await desk.take(*SAYS)
    async with desk.working(Answers()):
        job = await desk.ended(job)
        await desk.tidied()
    assert next(failures, None) is None
    assert [line["custom_id"] for line in await desk.lines(job.output_file)] == SAYS
    assert len(list((desk.folder / "files").iterdir())) == 1


def _failing(method: Any, failures: Any) -> Any:
    """Fails every other time while there are failures left."""
    calls = Counter[str]()

    def call(*arguments: Any) -> Any:
        calls["all"] += 1
        if calls["all"] % 2 and next(failures, False):
            raise DatabaseUnavailable("the database does not answer.")
        return method(*arguments)

    return call


async def test_a_job_that_cannot_be_worked_on_fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_runner, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(batch_runner, "REST_SECONDS", 0.01)

    async def broken(_: Any) -> Reply:
        raise RuntimeError("a fault of the program")

    gone, job = await desk.take("a"), await desk.take("b")
    (desk.folder / "batches" / gone.id).unlink()
    answers = Answers(broken)
    async with desk.working(answers):
        gone, job = await desk.ended(gone), await desk.ended(job)
    assert gone.status is job.status is Status.FAILED
    assert "gone from the disk" in gone.errors[0]
    assert job.errors == ["something went wrong inside the server."]
    assert answers.asked == {"b": 5}


async def test_inputs_that_a_killed_server_left_are_swept_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path, upload_seconds=0.001)
    job = await desk.take("a")
    (tmp_path / "batches" / "batch_left").touch()
    for path in (tmp_path / "batches").iterdir():
        os.utime(path, (0, 0))
    desk.batches.tidy()
    assert desk.inputs() == [job.id]
    desk.database.close()


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ([], "no requests"),
        ([("a", {}), ("a", {})], r"requests\[1\]: the custom_id 'a' came before"),
        ([("a", {"stream": True})], r"requests\[0\]: .* cannot be streamed"),
    ],
)
async def test_requests_that_cannot_be_taken(desk: Desk, requests: list[tuple[str, Any]], words: str) -> None:
    order = Order(CHAT, 24, requests=[InlineRequest(custom_id=id, body=body) for id, body in requests])
    with pytest.raises(InvalidRequest, match=words):
        await desk.batches.take(order, ANNA)
    assert desk.inputs() == []
