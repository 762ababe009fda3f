"""`POST /v1/completions`: whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.client import Answer
from tests.api.house import House, metric

from galerne.errors import QueueFull

PATH = "/v1/completions"


async def ask(house: House, prompt: Any = "Hello", **fields: Any) -> Answer:
    return await house.client.post(PATH, {"model": "fake", "prompt": prompt, **fields})


def text(events: list[Any], index: int = 0) -> str:
    choices = [choice for event in events for choice in event["choices"] if choice["index"] == index]
    return "".join(choice["text"] for choice in choices)


async def test_a_whole_answer() -> None:
    answer = await ask(House(b" you"), metadata={"ticket": 7})
    assert answer.status == 200
    body = answer.json()
    assert body.pop("id").startswith("cmpl-")
    assert body.pop("created") > 1_700_000_000
    assert body.pop("system_fingerprint").startswith("galerne-")
    assert body == {
        "object": "text_completion",
        "model": "fake",
        "choices": [{"index": 0, "text": " you", "finish_reason": "stop", "logprobs": None}],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 4,
            "total_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 2},
        },
        "metadata": {"ticket": 7},
    }


async def test_choices_of_several_prompts_are_in_order() -> None:
    house = House(lambda request: bytes(reversed(request.prompt)))
    body = (await ask(house, ["ab", "cd"], n=2, echo=True)).json()
    assert [(choice["index"], choice["text"]) for choice in body["choices"]] == [
        (0, "abba"),
        (1, "abba"),
        (2, "cddc"),
        (3, "cddc"),
    ]


async def test_a_streamed_answer() -> None:
    answer = await ask(House(b"abc"), stream=True)
    events = answer.events
    assert text(events) == "abc"
    assert {event["object"] for event in events} == {"text_completion"}
    assert [event["choices"][0]["finish_reason"] for event in events] == [None] * 3 + ["stop"]
    assert [event.get("usage", {}).get("completion_tokens") for event in events] == [None] * 3 + [3]


async def test_usage_in_a_chunk_of_its_own() -> None:
    events = (await ask(House(b"abc"), stream=True, stream_options={"include_usage": True})).events
    assert events[-1]["choices"] == []
    assert events[-1]["usage"]["total_tokens"] == 8
    assert all("usage" not in event for event in events[:-1])


async def test_a_stream_shows_each_prompt_once_even_when_nothing_follows() -> None:
    house = House(lambda request: b"" if request.prompt == (99,) else b"xy")
    events = (await ask(house, ["ab", "c"], n=2, echo=True, stream=True)).events
    assert [text(events, index) for index in range(4)] == ["abxy", "abxy", "c", "c"]


async def test_logprobs_in_the_form_of_completions() -> None:
    house = House("aé".encode())
    logprobs = (await ask(house, logprobs=2)).json()["choices"][0]["logprobs"]
    assert logprobs == {
        "tokens": ["a", "\ufffd", "\ufffd"],
        "token_logprobs": [-0.5, -0.5, -0.5],
        "top_logprobs": [{"a": -0.5, "": -9999.0}, {"\ufffd": -0.5, "": -9999.0}, {"\ufffd": -0.5, "": -9999.0}],
        "text_offset": [0, 1, 1],
    }
    bare = (await ask(house, logprobs=0)).json()["choices"][0]["logprobs"]
    assert bare["top_logprobs"][0] == {"a": -0.5}
    events = (await ask(house, logprobs=0, stream=True)).events
    told = [event["choices"][0]["logprobs"] for event in events]
    assert [offset for one in told for offset in one["text_offset"]] == [0, 1, 1]


async def test_token_ids_in_and_out() -> None:
    house = House(b"ab")
    choice = (await ask(house, [72, 105], return_token_ids=True)).json()["choices"][0]
    assert (choice["prompt_token_ids"], choice["token_ids"], choice["text"]) == ([72, 105], [97, 98], "ab")
    events = (await ask(house, [72, 105], return_token_ids=True, stream=True)).events
    choices = [event["choices"][0] for event in events]
    assert [choice.get("prompt_token_ids") for choice in choices] == [[72, 105], None, None]
    assert [choice["token_ids"] for choice in choices] == [[97], [98], []]


async def test_a_failure_before_and_after_the_first_chunk() -> None:
    refused = await ask(House(QueueFull("full.")), stream=True)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    events = (await ask(House(b"abcdef", fails_after=2), ["x", "y"], stream=True)).events
    assert events[-1]["error"]["code"] == "engine_failed"
    assert [choice["finish_reason"] for choice in events[-1]["choices"]] == ["error", "error"]


async def test_leaving_stops_the_work() -> None:
    house = House(b"abcdef", hangs_after=2)
    exchange = house.client.send(PATH, {"model": "fake", "prompt": "x", "stream": True})
    assert b'"text":"a"' in await exchange.piece()
    await exchange.leave()
    assert not house.generator.running
    assert await metric(house.client, 'galerne_answers_total{model="fake",reason="cancelled"}') == 1


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"prompt": ""}, 422, "prompt"),
        ({"prompt": None}, 422, "prompt"),
        ({"prompt": ["a", 3]}, 422, "prompt[1]"),
        ({"prompt": [1, "a"]}, 422, "prompt[1]"),
        ({"prompt": [[1], [2, "a"]]}, 422, "prompt[1][1]"),
        ({"prompt": [1, 999]}, 422, "prompt[1]"),
        ({"prompt": "x" * 300}, 400, "prompt"),
        ({"max_tokens": 300}, 400, "max_tokens"),
        ({"n": 17}, 413, "n"),
        ({"prompt": ["x"] * 129}, 413, "prompt"),
        ({"logprobs": 21}, 413, "logprobs"),
        ({"best_of": 17}, 413, "best_of"),
        ({"suffix": "x"}, 422, "model"),
        ({"messages": []}, 422, "messages"),
    ],
)
async def test_refusals_name_the_field(fields: dict[str, Any], status: int, param: str) -> None:
    answer = await ask(House(), **{"prompt": "x"} | fields)
    assert (answer.status, answer.json()["param"]) == (status, param)
