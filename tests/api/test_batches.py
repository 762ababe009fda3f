"""`/v1/batch/jobs` and `/v1/batches` over HTTP: the same jobs, whose requests take the way of any other request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.api.house import CHAT, metric, question
from tests.api.kept_house import ANNA, BERT, KeptHouse
from tests.api.test_bodies import assert_refused

from galerne.api.inside import Inside
from galerne.bootstrap import running
from galerne.engine.request import Priority
from galerne.flows.batches import ENDPOINTS

JOBS = "/v1/batch/jobs"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[KeptHouse]:
    house = KeptHouse(tmp_path, lambda request: bytes(request.prompt)[::-1])
    yield house
    house.database.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptHouse]:
    """For requests that are refused: making an application takes a while."""
    house = KeptHouse(tmp_path_factory.mktemp("shared"), max_body_mb=1)
    yield house
    house.database.close()


@asynccontextmanager
async def at_work(house: KeptHouse) -> AsyncIterator[None]:
    async with running(house.kept.batches.work(Inside(house.app))):
        yield


async def ended(house: KeptHouse, job: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            now: dict[str, Any] = (await house.get(f"{JOBS}/{job['id']}")).json()
            if now["status"] not in ("QUEUED", "RUNNING", "CANCELLATION_REQUESTED"):
                return now
            await asyncio.sleep(0.01)


def line(id: str | None, content: str, **fields: Any) -> dict[str, Any]:
    return {"custom_id": id, "body": question(content) | fields}


def jsonl(*lines: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


async def uploaded(house: KeptHouse, content: bytes, purpose: str = "batch", who: dict[str, str] = ANNA) -> str:
    return str((await house.upload(content, "in.jsonl", purpose=purpose, who=who)).json()["id"])


async def test_from_a_file_to_a_file(house: KeptHouse) -> None:
    file = await uploaded(house, jsonl(line("1", "abc"), line("2", "def"), line("3", "ghi", colour="red")))
    job = (await house.post(JOBS, {"endpoint": CHAT, "input_files": [file], "metadata": {"a": "b"}})).json()
    assert (job["status"], job["total_requests"], job["input_files"]) == ("QUEUED", 3, [file])
    assert job["metadata"] == {"a": "b"}
    async with at_work(house):
        job = await ended(house, job)
    assert (job["status"], job["succeeded_requests"], job["failed_requests"]) == ("SUCCESS", 2, 1)
    answers = [json.loads(each) for each in (await content(house, job["output_file"])).splitlines()]
    assert [each["custom_id"] for each in answers] == ["1", "2"]
    body = answers[0]["response"]["body"]
    assert (body["object"], body["choices"][0]["message"]["content"]) == ("chat.completion", "cba")
    assert answers[0]["response"]["status_code"] == 200
    (failed,) = [json.loads(each) for each in (await content(house, job["error_file"])).splitlines()]
    assert failed["response"]["status_code"] == 422
    assert failed["response"]["body"]["param"] == "colour"
    assert failed["response"]["body"]["request_id"] == failed["response"]["request_id"]


async def content(house: KeptHouse, file: str) -> bytes:
    return (await house.get(f"/v1/files/{file}/content")).body


async def test_inline_requests_and_results(house: KeptHouse) -> None:
    requests = [{"custom_id": "x", "body": {"messages": [{"role": "user", "content": "abc"}]}}]
    job = (await house.post(JOBS, {"endpoint": CHAT, "requests": requests, "model": "alias"})).json()
    assert (await house.get(f"{JOBS}/{job['id']}?inline=true")).json().get("outputs") is None
    async with at_work(house):
        await ended(house, job)
    (output,) = (await house.get(f"{JOBS}/{job['id']}?inline=true")).json()["outputs"]
    assert output["response"]["body"]["choices"][0]["message"]["content"] == "cba"
    assert "outputs" not in (await house.get(f"{JOBS}/{job['id']}")).json()


async def test_in_the_words_of_openai(house: KeptHouse) -> None:
    lines = [line("1", "abc") | {"method": "POST", "url": CHAT}, line("2", "x", n=0) | {"method": "POST", "url": CHAT}]
    file = await uploaded(house, jsonl(*lines))
    order = {"endpoint": CHAT, "input_file_id": file, "completion_window": "24h"}
    expiry = {"anchor": "created_at", "seconds": 3600}
    batch = (await house.post("/v1/batches", order | {"output_expires_after": expiry})).json()
    assert (batch["status"], batch["completion_window"]) == ("validating", "24h")
    assert (batch["expires_at"] - batch["created_at"], batch["input_file_id"]) == (86400, file)
    async with at_work(house):
        await ended(house, batch)
    batch = (await house.get(f"/v1/batches/{batch['id']}")).json()
    assert (batch["status"], batch["request_counts"]) == ("completed", {"total": 2, "completed": 1, "failed": 1})
    assert batch["completed_at"] >= batch["in_progress_at"]
    output = (await house.get(f"/v1/files/{batch['output_file_id']}")).json()
    assert (output["purpose"], output["source"]) == ("batch_output", "mistral")
    assert output["expires_at"] == output["created_at"] + 3600


async def test_they_wait_for_those_who_wait(house: KeptHouse) -> None:
    requests = [{"body": question("abc")}]
    job = (await house.post(JOBS, {"endpoint": CHAT, "requests": requests})).json()
    async with at_work(house):
        await ended(house, job)
        await house.post(CHAT, question("def"))
    assert [request.priority for request in house.generator.requests] == [Priority.BATCH, Priority.INTERACTIVE]
    assert {request.tenant for request in house.generator.requests} == {"anna"}
    assert await metric(house.client, f'galerne_http_requests_total{{method="POST",route="{CHAT}",status="200"}}') == 1
    assert await metric(house.client, 'galerne_answers_total{model="fake",reason="stop"}') == 2


async def test_a_cancelled_batch_ends(house: KeptHouse) -> None:
    job = (await house.post(JOBS, {"endpoint": CHAT, "requests": [line("1", "abc")]})).json()
    assert (await house.post(f"{JOBS}/{job['id']}/cancel", {})).json()["status"] == "CANCELLATION_REQUESTED"
    assert (await house.get(f"/v1/batches/{job['id']}")).json()["status"] == "cancelling"
    assert_refused(await house.delete(f"{JOBS}/{job['id']}"), 409, "busy", "id")
    async with at_work(house):
        await ended(house, job)
    batch = (await house.post(f"/v1/batches/{job['id']}/cancel", {})).json()
    assert (batch["status"], batch["cancelled_at"] >= batch["cancelling_at"]) == ("cancelled", True)
    assert (await house.delete(f"{JOBS}/{job['id']}")).json()["deleted"]
    assert_refused(await house.get(f"{JOBS}/{job['id']}"), 404, "not_found", "id")


async def test_what_has_ended_cannot_be_cancelled(house: KeptHouse) -> None:
    job = (await house.post(JOBS, {"endpoint": CHAT, "requests": [line("1", "abc")]})).json()
    async with at_work(house):
        await ended(house, job)
    refusal = await house.post(f"{JOBS}/{job['id']}/cancel", {})
    assert "SUCCESS" in assert_refused(refusal, 422, "invalid_request", "id")


async def test_lists(house: KeptHouse) -> None:
    order = {"endpoint": CHAT, "requests": [line(None, "a")]}
    jobs = [(await house.post(JOBS, order | {"metadata": {"n": str(n)}})).json()["id"] for n in range(3)]
    newest = jobs[::-1]

    async def listed(query: str) -> list[str]:
        return [job["id"] for job in (await house.get(f"{JOBS}?{query}")).json()["data"]]

    assert await listed("page=0&page_size=100&created_by_me=false&order_by=-created") == newest
    assert await listed("page=1&page_size=2") == newest[2:]
    assert await listed("order_by=created") == jobs
    assert await listed("n=1") == [jobs[1]]
    assert await listed("n=1&m=2") == []
    assert await listed("status=QUEUED&status=RUNNING") == newest
    assert await listed("status=SUCCESS") == []
    assert await listed("model=fake") == []
    assert await listed("created_by_me=true") == newest
    assert await listed("created_after=2020-01-01T00:00:00Z") == newest
    assert await listed("created_after=2100-01-01T00:00:00%2B02:00") == []
    page = (await house.get("/v1/batches?limit=2")).json()
    assert ([job["id"] for job in page["data"]], page["has_more"]) == (newest[:2], True)
    page = (await house.get(f"/v1/batches?limit=2&after={page['last_id']}")).json()
    assert ([job["id"] for job in page["data"]], page["has_more"]) == (newest[2:], False)
    assert (await house.get(JOBS, BERT)).json()["total"] == 0


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("page=-1", "invalid_request", "page"),
        ("page_size=0", "invalid_request", "page_size"),
        ("created_by_me=perhaps", "invalid_request", "created_by_me"),
        ("agent_id=x", "unsupported_field", "agent_id"),
        ("status=DONE", "invalid_request", "status.0"),
        ("created_after=yesterday", "invalid_request", "created_after"),
        ("created_after=2020-01-01T00:00:00", "invalid_request", "created_after"),
        ("order_by=name", "invalid_request", "order_by"),
    ],
)
async def test_a_wrong_query_is_named(shared: KeptHouse, query: str, code: str, param: str) -> None:
    assert_refused(await shared.get(f"{JOBS}?{query}"), 422, code, param)


ONE = [{"custom_id": "1", "body": {}}]


@pytest.mark.parametrize(
    ("order", "status", "code", "param"),
    [
        ({"requests": ONE}, 422, "invalid_request", "endpoint"),
        ({"endpoint": "/v1/moderations", "requests": ONE}, 422, "invalid_request", "endpoint"),
        ({"endpoint": CHAT}, 422, "invalid_request", None),
        ({"endpoint": CHAT, "requests": ONE, "input_files": ["file-x"]}, 422, "invalid_request", None),
        ({"endpoint": CHAT, "requests": []}, 422, "invalid_request", "requests"),
        ({"endpoint": CHAT, "requests": [{"body": "text"}]}, 422, "invalid_request", "requests[0].body"),
        ({"endpoint": CHAT, "requests": [ONE[0] | {"priority": 1}]}, 422, "unsupported_field", "requests[0].priority"),
        ({"endpoint": CHAT, "requests": ONE, "model": "nobody"}, 404, "model_not_found", "model"),
        ({"endpoint": CHAT, "requests": ONE, "agent_id": "x"}, 422, "unsupported_field", "agent_id"),
        ({"endpoint": CHAT, "requests": ONE, "timeout_hours": 0}, 422, "invalid_request", "timeout_hours"),
        ({"endpoint": CHAT, "requests": ONE, "timeout_hours": 169}, 413, "too_large", "timeout_hours"),
        ({"endpoint": CHAT, "requests": ONE, "metadata": []}, 422, "invalid_request", "metadata"),
        ({"endpoint": CHAT, "requests": ONE, "metadata": {str(n): n for n in range(17)}}, 413, "too_large", "metadata"),
        ({"endpoint": CHAT, "input_files": ["file-x"]}, 404, "not_found", "input_files[0]"),
        ({"endpoint": CHAT, "input_files": [""]}, 404, "not_found", "input_files[0]"),
    ],
)
async def test_a_wrong_order_is_named(
    shared: KeptHouse, order: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    assert_refused(await shared.post(JOBS, order), status, code, param)
    assert (await shared.get(JOBS)).json()["total"] == 0


@pytest.mark.parametrize("window", ["24", "0h", "h", "-1h", "1d", "24h ", 24])
async def test_a_window_that_is_none(shared: KeptHouse, window: Any) -> None:
    order = {"endpoint": CHAT, "input_file_id": "file-x", "completion_window": window}
    assert_refused(await shared.post("/v1/batches", order), 422, "invalid_request", "completion_window")


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "there are no requests"),
        (b"\n \n\r\n", 422, "there are no requests"),
        (b"{", 422, "line 1: the body is not valid JSON"),
        (jsonl(line("1", "a")) + b"nonsense", 422, "line 2: the body is not valid JSON"),
        (b"[]", 422, "line 1"),
        (b"\xff\xfe", 422, "line 1"),
        (jsonl({"custom_id": "1"}), 422, "line 1: body"),
        (jsonl({"custom_id": 1, "body": {}}), 422, "line 1: custom_id"),
        (jsonl({"body": {}, "colour": "red"}), 422, "line 1: colour"),
        (jsonl({"body": {}, "method": "GET"}), 422, "line 1: method"),
        (jsonl({"body": {}, "url": "/v1/embeddings"}), 422, "line 1: its url"),
        (jsonl({"body": {"stream": True}}), 422, "line 1: a request of a batch cannot be streamed"),
        (jsonl(line("1", "a"), line("2", "a"), line("1", "b")), 422, "line 3: the custom_id '1' came before"),
        (b'{"body": ' + b"[" * 100_000, 422, "line 1"),
        (b'{"body": {"a": "' + b"x" * (1 << 20) + b'"}}', 413, "line 1: is longer than 1 MiB"),
    ],
)
async def test_a_file_that_cannot_be_taken(shared: KeptHouse, content: bytes, status: int, words: str) -> None:
    answer = await shared.post(JOBS, {"endpoint": CHAT, "input_files": [await uploaded(shared, content)]})
    assert answer.status == status
    assert words in answer.json()["message"]
    assert len(answer.body) < 3000
    assert list((shared.folder / "batches").iterdir()) == []


async def test_files_for_something_else_and_of_others(house: KeptHouse) -> None:
    other = await uploaded(house, jsonl(line("1", "a")), "user_data")
    answer = await house.post(JOBS, {"endpoint": CHAT, "input_files": [other]})
    assert "purpose" in assert_refused(answer, 422, "invalid_request", "input_files[0]")
    theirs = await uploaded(house, jsonl(line("1", "a")), who=BERT)
    answer = await house.post("/v1/batches", {"endpoint": CHAT, "input_file_id": theirs, "completion_window": "24h"})
    assert_refused(answer, 404, "not_found", "input_file_id")


async def test_several_files_with_a_byte_order_mark_and_no_last_line_break(house: KeptHouse) -> None:
    files = [
        await uploaded(house, b"\xef\xbb\xbf" + jsonl(line("1", "ab")).strip()),
        await uploaded(house, b"\r\n" + jsonl(line("2", "cd")) + b"\n\n"),
    ]
    job = (await house.post(JOBS, {"endpoint": CHAT, "input_files": files})).json()
    for file in files:
        await house.delete(f"/v1/files/{file}")  # the job has its own
    async with at_work(house):
        job = await ended(house, job)
    answers = [json.loads(each) for each in (await content(house, job["output_file"])).splitlines()]
    assert [each["response"]["body"]["choices"][0]["message"]["content"] for each in answers] == ["ba", "dc"]


async def test_limits(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, max_batch_requests=1, max_batch_jobs=1)
    one, two = ({"endpoint": CHAT, "requests": [line(str(n), "a") for n in range(number)]} for number in (1, 2))
    assert_refused(await house.post(JOBS, two), 413, "too_large", "requests[1]")
    assert (await house.post(JOBS, one)).status == 200
    assert "have not ended" in assert_refused(await house.post(JOBS, one), 413, "too_large")
    house.database.close()


async def test_results_too_large_to_be_told_inline(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, max_body_mb=1)
    lines = [line(str(number), "a", metadata={"comes back": "x" * 200_000}) for number in range(6)]
    order = {"endpoint": CHAT, "input_files": [await uploaded(house, jsonl(*lines))]}
    job = (await house.post(JOBS, order)).json()
    async with at_work(house):
        job = await ended(house, job)
    assert (await house.get(f"/v1/files/{job['output_file']}")).json()["bytes"] > 1 << 20
    assert "Download" in assert_refused(await house.get(f"{JOBS}/{job['id']}?inline=true"), 413, "too_large")
    house.database.close()


async def test_whatever_can_be_asked_in_batches_is_there(shared: KeptHouse) -> None:
    paths = (await shared.client.get("/openapi.json")).json()["paths"]
    assert [path for path in ENDPOINTS if "post" not in paths.get(path, {})] == []


async def test_a_request_is_held_to_the_models_that_are_allowed_when_its_turn_comes(house: KeptHouse) -> None:
    job = (await house.post(JOBS, {"endpoint": CHAT, "requests": [line("1", "abc")]})).json()
    house.acquaint()
    allowed = {"subject": "workspace:anna", "models": ["letters"]}
    await house.client.post("/v1/admin/allowed-models", allowed, ANNA, method="PUT")
    async with at_work(house):
        job = await ended(house, job)
    (failed,) = [json.loads(each) for each in (await content(house, job["error_file"])).splitlines()]
    assert failed["response"]["status_code"] == 403
