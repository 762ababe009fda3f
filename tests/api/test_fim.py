"""`POST /v1/fim/completions`: whole and streamed, in a chat's form."""

from __future__ import annotations

from typing import Any

from tests.api.client import Answer
from tests.api.house import House
from tests.flows.fakes import GAP


async def ask(house: House, **fields: Any) -> Answer:
    return await house.client.post("/v1/fim/completions", {"model": "fake", "prompt": "a = ", **fields})


async def test_a_whole_answer() -> None:
    house = House(b"1 + 2", fim=True)
    answer = await ask(house, suffix="\n", random_seed=1, min_tokens=1)
    assert answer.status == 200
    body = answer.json()
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "1 + 2"}
    assert body["usage"]["prompt_tokens"] == len("a = \n") + 3
    prefix, suffix, middle, _ = GAP.values()
    assert house.generator.requests[0].prompt == (prefix, *b"a = ", suffix, 10, middle)


async def test_a_streamed_answer() -> None:
    events = (await ask(House(b"1 + 2", fim=True), stream=True, stop=" +")).events
    assert "".join(event["choices"][0]["delta"].get("content", "") for event in events) == "1"
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["usage"]["total_tokens"] > 0


async def test_a_model_that_cannot_names_those_that_can() -> None:
    answer = await ask(House())
    assert (answer.status, answer.json()["param"]) == (422, "model")
    assert "codestral-22b-v0.1" in answer.json()["message"]
