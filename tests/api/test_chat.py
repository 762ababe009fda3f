"""`POST /v1/chat/completions` when all goes well: whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.house import House, question

from galerne import __version__

USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 9,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 2},
}


def text(events: list[Any], index: int = 0) -> str:
    choices = [choice for event in events for choice in event["choices"] if choice["index"] == index]
    return "".join(choice["delta"].get("content", "") for choice in choices)


async def test_a_whole_answer() -> None:
    answer = await House().ask()
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    body = answer.json()
    assert body.pop("id").startswith("chatcmpl-")
    assert body.pop("created") > 1_700_000_000
    assert body.pop("system_fingerprint").startswith(f"galerne-{__version__}-dddddddddddd-000000000000-")
    assert body == {
        "object": "chat.completion",
        "model": "fake",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Bonjour !"},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": USAGE,
    }


async def test_a_streamed_answer() -> None:
    answer = await House().ask(stream=True)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    events = answer.events
    assert text(events) == "Bonjour !"
    assert {(event["id"], event["object"], event["model"]) for event in events} == {
        (events[0]["id"], "chat.completion.chunk", "fake")
    }
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": "B"}
    assert events[1]["choices"][0]["delta"] == {"content": "o"}
    assert [event["choices"][0]["finish_reason"] for event in events] == [None] * 9 + ["stop"]
    assert [event.get("usage") for event in events] == [None] * 9 + [USAGE]


async def test_usage_in_a_chunk_of_its_own_where_it_is_asked_for() -> None:
    events = (await House().ask(stream=True, stream_options={"include_usage": True})).events
    assert [event.get("usage") for event in events] == [None] * 10 + [USAGE]
    assert events[-1]["choices"] == []
    assert events[-2]["choices"][0]["finish_reason"] == "stop"


async def test_a_stream_comes_piece_by_piece() -> None:
    house = House(hangs_after=2)
    exchange = house.open(stream=True)
    assert b'"content":"B"' in await exchange.piece()
    assert b'"content":"o"' in await exchange.piece()
    assert house.generator.running
    await exchange.leave()


@pytest.mark.parametrize("stream", [False, True])
async def test_n_choices(stream: bool) -> None:
    answers = iter([b"one", b"two", b"three"])
    answer = await House(lambda _: next(answers)).ask(n=3, stream=stream)
    if stream:
        events = answer.events
        texts = [text(events, index) for index in range(3)]
        roles = [choice["index"] for event in events for choice in event["choices"] if "role" in choice["delta"]]
        ends = [choice["index"] for event in events for choice in event["choices"] if choice["finish_reason"]]
        usage = events[-1]["usage"]
        assert sorted(roles) == sorted(ends) == [0, 1, 2]
    else:
        texts = [choice["message"]["content"] for choice in answer.json()["choices"]]
        usage = answer.json()["usage"]
    assert texts == ["one", "two", "three"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (5, 11, 16)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_end_by_length_and_by_a_stop_string(stream: bool) -> None:
    async def told(**fields: Any) -> tuple[str, str]:
        answer = await House().ask(stream=stream, **fields)
        if stream:
            return text(answer.events), answer.events[-1]["choices"][0]["finish_reason"]
        choice = answer.json()["choices"][0]
        return choice["message"]["content"], choice["finish_reason"]

    assert await told(max_tokens=3) == ("Bon", "length")
    assert await told(stop="jou") == ("Bon", "stop")
    assert await told(stop=["zzz", " !"]) == ("Bonjour", "stop")


@pytest.mark.parametrize("stream", [False, True])
async def test_logprobs(stream: bool) -> None:
    answer = await House(b"ok").ask(stream=stream, logprobs=True, top_logprobs=2)
    if stream:
        tokens = [t for e in answer.events for c in e["choices"] if "logprobs" in c for t in c["logprobs"]["content"]]
    else:
        tokens = answer.json()["choices"][0]["logprobs"]["content"]
    assert [(token["token"], token["logprob"], token["bytes"]) for token in tokens] == [
        ("o", -0.5, [ord("o")]),
        ("k", -0.5, [ord("k")]),
    ]
    assert [(top["token"], top["logprob"]) for top in tokens[0]["top_logprobs"]] == [("o", -0.5), ("", -9999.0)]


async def test_metadata_come_back() -> None:
    metadata = {"ticket": "42", "nested": {"é": [1, None, "x"]}}
    assert (await House().ask(metadata=metadata)).json()["metadata"] == metadata


async def test_an_answer_goes_on_with_its_prefix() -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Bon", "prefix": True}]
    house = House(b"jour")
    answer = await house.client.post("/v1/chat/completions", {"model": "alias", "messages": messages})
    assert answer.json()["choices"][0]["message"]["content"] == "jour"
    assert bytes(house.generator.requests[0].prompt) == b"HiBon"


async def test_an_answer_of_no_text() -> None:
    assert (await House(b"").ask()).json()["choices"][0]["message"]["content"] == ""
    events = (await House(b"").ask(stream=True)).events
    assert [event["choices"][0]["finish_reason"] for event in events] == ["stop"]
    assert events[0]["choices"][0]["delta"] == {"role": "assistant"}


async def test_characters_are_whole_in_every_piece() -> None:
    exchange = House("né 🌬".encode()).open(stream=True)
    pieces = []
    while piece := await exchange.piece():
        pieces.append(piece.decode())  # none is cut within a character
    assert len(pieces) == 6  # n, é, space, wind, the end, [DONE]


async def test_many_at_once_do_not_mix() -> None:
    house = House(lambda request: bytes(request.prompt)[::-1])
    exchanges = [house.open(f"question {number}", stream=number % 2 == 0) for number in range(20)]
    for number, exchange in enumerate(exchanges):
        answer = await exchange.answer()
        expected = f"question {number}"[::-1]
        said = answer.json()["choices"][0]["message"]["content"] if number % 2 else text(answer.events)
        assert said == expected


async def test_a_charset_may_be_named() -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    answer = await House().client.post("/v1/chat/completions", question("é"), headers)
    assert answer.status == 200
