"""What an answer's headers say of its account: a receipt for each answer of each endpoint, and the limits' standing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.api.house import CHAT, question
from tests.api.kept_house import ANNA, BERT, KeptHouse

from galerne.bootstrap import receipts_key
from galerne.ledger.quota import Holder, Measure, Subject
from galerne.store.books import SqlBooks

ENDPOINTS: dict[str, dict[str, Any]] = {
    CHAT: question(),
    "/v1/completions": {"model": "fake", "prompt": "Hello"},
    "/v1/fim/completions": {"model": "fake", "prompt": "a = "},
    "/v1/conversations": {"model": "fake", "inputs": "Hello"},
    "/v1/responses": {"model": "fake", "input": "Hello"},
    "/v1/embeddings": {"model": "letters", "input": ["abc", "d"]},
}
STREAMING = [path for path in ENDPOINTS if path != "/v1/embeddings"]


async def receipt(house: KeptHouse, id: str) -> dict[str, Any]:
    answer = await house.get(f"/v1/receipts/{id}")
    assert answer.status == 200, (id, answer.body)
    return answer.json()


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_each_answer_of_each_endpoint_has_its_receipt(tmp_path: Path, path: str) -> None:
    house = KeptHouse(tmp_path, fim=True)
    answer = await house.post(path, ENDPOINTS[path])
    assert answer.status == 200, answer.body
    found = await receipt(house, answer.headers["x-galerne-receipt"])
    assert (found["endpoint"], found["flags"]["reasons"][0]) == (path, "stop")
    assert found["tokens"]["prompt"] > 0
    assert (await house.get(f"/v1/receipts/{found['id']}", BERT)).status == 404


@pytest.mark.parametrize("path", STREAMING)
async def test_a_stream_s_headers_name_its_receipt_before_it_is_there(tmp_path: Path, path: str) -> None:
    house = KeptHouse(tmp_path, fim=True)
    answer = await house.post(path, ENDPOINTS[path] | {"stream": True})
    found = await receipt(house, answer.headers["x-galerne-receipt"])
    assert (found["endpoint"], found["tokens"]["completion"]) == (path, 9)


async def test_a_response_in_the_background_has_one_too(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    answer = await house.post("/v1/responses", {"model": "fake", "input": "Hello", "background": True})
    assert answer.headers["x-galerne-receipt"] == answer.json()["id"]
    while (await house.get(f"/v1/responses/{answer.json()['id']}")).json()["status"] == "in_progress":
        await asyncio.sleep(0.01)
    await receipt(house, answer.json()["id"])


async def test_embeddings_count_as_what_they_are(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    answer = await house.post("/v1/embeddings", {"model": "letters", "input": ["abc", "d"]})
    found = await receipt(house, answer.json()["id"])
    assert [(part["kind"], part["tokens"]) for part in found["price"]["parts"]] == [("embedding", 6)]
    assert found["tokens"] == {"prompt": 6, "cached": 0, "completion": 0}


async def test_what_was_not_answered_has_no_receipt(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    for path, body in ((CHAT, question(model="nothing")), (CHAT, question(max_tokens=0))):
        assert "x-galerne-receipt" not in (await house.post(path, body)).headers
    assert "x-galerne-receipt" not in (await house.get("/v1/models")).headers


def limit(house: KeptHouse, holder: Holder, id: str, measure: Measure, most: int) -> None:
    books = SqlBooks(house.database, receipts_key(house.settings))
    books.set_limit(Subject(holder, id), measure, most, datetime.now(UTC))


async def test_the_scarcest_limit_is_told_under_both_clients_names(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    limit(house, Holder.ORGANISATION, "default", Measure.REQUESTS_MINUTE, 5)
    limit(house, Holder.WORKSPACE, "anna", Measure.REQUESTS_MONTH, 3)
    limit(house, Holder.WORKSPACE, "anna", Measure.TOKENS_MONTH, 1000)
    limit(house, Holder.WORKSPACE, "anna", Measure.TOKENS_MINUTE, 500)
    for left in (2, 1):
        headers = (await house.post(CHAT, question(max_tokens=20))).headers
        assert headers["x-ratelimit-limit-requests"] == "3"
        assert headers["x-ratelimit-remaining-requests"] == str(left)
    used = 5 + 9 + 5 + 20  # the first is settled, the second reserved
    assert headers["x-ratelimit-limit-tokens"] == headers["ratelimitbysize-limit"] == "500"
    assert headers["x-ratelimit-remaining-tokens"] == headers["ratelimitbysize-remaining"] == str(500 - used)
    assert 0 <= int(headers["x-ratelimit-reset-tokens"].removesuffix("s")) <= 60
    assert headers["ratelimitbysize-query-cost"] == "25"
    assert headers["x-ratelimitbysize-remaining-minute"] == str(500 - used)
    assert headers["x-ratelimitbysize-limit-month"] == "1000"


async def test_what_has_no_limit_is_not_told_of(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    limit(house, Holder.WORKSPACE, "anna", Measure.CONCURRENT, 5)
    headers = (await house.post(CHAT, question(), ANNA)).headers
    assert [name for name in headers if "ratelimit" in name] == []


async def test_a_refusal_says_which_limit_whose_and_when_it_frees(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    limit(house, Holder.WORKSPACE, "anna", Measure.REQUESTS_MINUTE, 0)
    answer = await house.post(CHAT, question())
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert "0 requests (requests_per_minute) of the workspace 'anna'" in answer.json()["message"]
    assert "It frees in" in answer.json()["message"]
    assert answer.headers["x-ratelimit-limit-requests"] == answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert answer.headers["x-ratelimit-reset-requests"] == f"{answer.headers['retry-after']}s"
    assert (await house.post(CHAT, question(), BERT)).status == 200
