"""Batches by the official clients, over the default model and the default embeddings."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mistralai.client import Mistral, errors
from mistralai.client.models import BatchJob
from openai import OpenAI, UnprocessableEntityError
from openai.types import Batch
from tests.contract.clients import async_openai, mistral, openai

CHAT: Any = "/v1/chat/completions"
ENDED = ("SUCCESS", "FAILED", "CANCELLED", "TIMEOUT_EXCEEDED")
LONG: Any = [{"body": {"messages": [{"role": "user", "content": "A story."}], "max_tokens": 1000}} for _ in range(20)]


@pytest.fixture
def by_mistral(server: str) -> Iterator[Mistral]:
    with mistral(server) as client:
        yield client


@pytest.fixture
def by_openai(server: str) -> Iterator[OpenAI]:
    with openai(server) as client:
        yield client


def body(say: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": say}], "max_tokens": 4, "temperature": 0} | fields


def jsonl(*lines: dict[str, Any]) -> bytes:
    return "\n".join(map(json.dumps, lines)).encode()


def mistral_ended(client: Mistral, job: BatchJob) -> BatchJob:
    end = time.monotonic() + 120
    while (job := client.batch.jobs.get(job_id=job.id)).status not in ENDED:
        assert time.monotonic() < end, job
        time.sleep(0.1)
    return job


def openai_ended(client: OpenAI, batch: Batch) -> Batch:
    end = time.monotonic() + 120
    while (batch := client.batches.retrieve(batch.id)).completed_at is None:
        assert time.monotonic() < end, batch
        time.sleep(0.1)
    return batch


def lines(client: Mistral, file: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.files.download(file_id=file).read().splitlines()]


def outputs(client: Mistral, job: BatchJob) -> list[dict[str, Any]]:
    found = client.batch.jobs.get(job_id=job.id, inline=True).outputs
    assert isinstance(found, list)
    return found


def test_mistral_from_a_file(by_mistral: Mistral) -> None:
    cheese = body("What is the best French cheese?")
    requests = jsonl({"custom_id": "0", "body": cheese}, {"custom_id": "1", "body": body("Wine?", colour="red")})
    file = by_mistral.files.upload(file={"file_name": "requests.jsonl", "content": requests}, purpose="batch")
    job = by_mistral.batch.jobs.create(
        input_files=[file.id],
        model="mistral-small-latest",
        endpoint=CHAT,
        metadata={"job_type": "testing"},
        timeout_hours=1,
    )
    assert (job.object, job.input_files, job.endpoint, job.total_requests) == ("batch", [file.id], CHAT, 2)
    assert (job.model, job.metadata) == ("mistral-small-latest", {"job_type": "testing"})
    job = mistral_ended(by_mistral, job)
    assert (job.status, job.succeeded_requests, job.failed_requests, job.completed_requests) == ("SUCCESS", 1, 1, 2)
    assert job.created_at <= (job.started_at or 0) <= (job.completed_at or 0)
    (answer,) = lines(by_mistral, job.output_file)
    (failure,) = lines(by_mistral, job.error_file)
    assert (answer["custom_id"], answer["response"]["status_code"]) == ("0", 200)
    asked = by_mistral.chat.complete(model="mistral-small-latest", **cheese)
    assert answer["response"]["body"]["choices"][0]["message"]["content"] == asked.choices[0].message.content
    assert failure["response"]["body"]["error"]["param"] == "colour"
    output = by_mistral.files.retrieve(file_id=str(job.output_file))
    assert (output.sample_type, output.source, output.num_lines) == ("batch_result", "mistral", 1)


def test_mistral_inline(by_mistral: Mistral) -> None:
    job = by_mistral.batch.jobs.create(
        requests=[{"custom_id": "a", "body": body("Hello")}, {"body": body("Goodbye")}],
        model="mistral-small-latest",
        endpoint=CHAT,
    )
    job = mistral_ended(by_mistral, job)
    assert not job.outputs
    assert [output["custom_id"] for output in outputs(by_mistral, job)] == ["a", None]
    deleted = by_mistral.batch.jobs.delete(job_id=job.id)
    assert (deleted.id, deleted.deleted) == (job.id, True)
    with pytest.raises(errors.SDKError, match="there is no batch"):
        by_mistral.batch.jobs.get(job_id=job.id)


def test_mistral_embeddings(by_mistral: Mistral) -> None:
    requests: Any = [{"body": {"input": ["un", "deux"]}}]
    job = by_mistral.batch.jobs.create(requests=requests, model="mistral-embed", endpoint="/v1/embeddings")
    (output,) = outputs(by_mistral, mistral_ended(by_mistral, job))
    embedded = by_mistral.embeddings.create(model="mistral-embed", inputs=["un", "deux"])
    vectors = [each["embedding"] for each in output["response"]["body"]["data"]]
    assert vectors == [each.embedding for each in embedded.data]


def test_mistral_code(by_mistral: Mistral) -> None:
    requests: Any = [{"body": {"prompt": "def f(", "suffix": "return a"}}]
    job = by_mistral.batch.jobs.create(requests=requests, model="gpt-4o", endpoint="/v1/fim/completions")
    (output,) = outputs(by_mistral, mistral_ended(by_mistral, job))
    assert "trained" in output["response"]["body"]["message"]  # the default model was not


def test_mistral_lists_and_cancels(by_mistral: Mistral) -> None:
    jobs = by_mistral.batch.jobs
    job = jobs.create(requests=LONG, model="gpt-4o", endpoint=CHAT, metadata={"name": "cancelled"})
    found = jobs.list(metadata={"name": "cancelled"}, model="gpt-4o", status=["QUEUED", "RUNNING"], created_by_me=True)
    assert (found.total, [each.id for each in found.data or []]) == (1, [job.id])
    assert jobs.list(created_after=datetime.now(UTC) + timedelta(hours=1)).total == 0
    assert jobs.list(page=7, page_size=200, order_by="created").data == []
    assert jobs.cancel(job_id=job.id).status == "CANCELLATION_REQUESTED"
    job = mistral_ended(by_mistral, job)
    assert job.status == "CANCELLED"
    assert len(lines(by_mistral, job.error_file)) + job.succeeded_requests == 20
    with pytest.raises(errors.SDKError, match="cannot be asked in batches"):
        jobs.create(requests=LONG, model="gpt-4o", endpoint="/v1/ocr")
    with pytest.raises(errors.SDKError, match="agent_id: this version does not implement it"):
        jobs.create(requests=LONG, agent_id="ag:1", endpoint=CHAT)


async def test_mistral_async(server: str) -> None:
    async with mistral(server) as client:
        jobs = client.batch.jobs
        job = await jobs.create_async(requests=[{"body": body("Hello")}], model="mistral-small-latest", endpoint=CHAT)
        async with asyncio.timeout(120):
            while (job := await jobs.get_async(job_id=job.id)).status not in ENDED:
                await asyncio.sleep(0.1)
        assert job.succeeded_requests == 1
        assert job.id in [each.id for each in (await jobs.list_async()).data or []]
        with pytest.raises(errors.SDKError, match="has ended already"):
            await jobs.cancel_async(job_id=job.id)
        assert (await jobs.delete_async(job_id=job.id)).deleted


def test_openai(by_openai: OpenAI) -> None:
    requests = [
        {"custom_id": id, "method": "POST", "url": CHAT, "body": body("Hello", model="gpt-4o") | fields}
        for id, fields in (("good", {}), ("bad", {"n": 0}))
    ]
    file = by_openai.files.create(file=("requests.jsonl", jsonl(*requests)), purpose="batch")
    batch = by_openai.batches.create(
        input_file_id=file.id,
        endpoint=CHAT,
        completion_window="24h",
        metadata={"name": "nightly"},
        output_expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert (batch.object, batch.input_file_id, batch.metadata) == ("batch", file.id, {"name": "nightly"})
    assert batch.expires_at == batch.created_at + 24 * 3600
    batch = openai_ended(by_openai, batch)
    assert batch.request_counts is not None
    assert (batch.status, batch.request_counts.completed, batch.request_counts.failed) == ("completed", 1, 1)
    answer = json.loads(by_openai.files.content(str(batch.output_file_id)).text)
    assert (answer["custom_id"], answer["error"]) == ("good", None)
    assert answer["response"]["request_id"]
    failure = json.loads(by_openai.files.content(str(batch.error_file_id)).text)
    assert (failure["custom_id"], failure["response"]["status_code"]) == ("bad", 422)
    output = by_openai.files.retrieve(str(batch.output_file_id))
    assert (output.purpose, output.expires_at) == ("batch_output", output.created_at + 3600)
    assert batch.id in [each.id for each in by_openai.batches.list(limit=1)]
    with pytest.raises(UnprocessableEntityError, match="ended already"):
        by_openai.batches.cancel(batch.id)


def test_openai_completions(by_openai: OpenAI) -> None:
    request = {"custom_id": "1", "body": {"model": "gpt-4o", "prompt": "Once upon", "max_tokens": 3, "temperature": 0}}
    file = by_openai.files.create(file=("requests.jsonl", jsonl(request)), purpose="batch")
    batch = by_openai.batches.create(input_file_id=file.id, endpoint="/v1/completions", completion_window="24h")
    answer = json.loads(by_openai.files.content(str(openai_ended(by_openai, batch).output_file_id)).text)
    asked = by_openai.completions.create(model="gpt-4o", prompt="Once upon", max_tokens=3, temperature=0)
    assert answer["response"]["body"]["choices"][0]["text"] == asked.choices[0].text


async def test_openai_async(server: str) -> None:
    requests = [{"custom_id": str(n), "body": {"model": "gpt-4o"} | each["body"]} for n, each in enumerate(LONG)]
    async with async_openai(server) as client:
        file = await client.files.create(file=("requests.jsonl", jsonl(*requests)), purpose="batch")
        batch = await client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
        assert (await client.batches.cancel(batch.id)).status == "cancelling"
        async with asyncio.timeout(120):
            while (batch := await client.batches.retrieve(batch.id)).status != "cancelled":
                await asyncio.sleep(0.1)
        assert batch.cancelled_at is not None
        assert batch.id in [each.id async for each in client.batches.list(limit=1)]


def test_a_file_that_is_none_of_requests(by_openai: OpenAI) -> None:
    file = by_openai.files.create(file=("requests.jsonl", jsonl({"custom_id": "1"})), purpose="batch")
    with pytest.raises(UnprocessableEntityError, match="line 1: body") as refusal:
        by_openai.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
    assert refusal.value.param == "input_file_id, line 1"
