"""What is said to a body that is wrong, and that nothing of it reaches the model."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.api.client import Answer
from tests.api.house import CHAT, House, metric, question

from galerne.protocol.chat import ChatRequest

JSON = {"content-type": "application/json"}


def assert_refused(answer: Answer, status: int, code: str, param: str | None = None) -> str:
    """The message of an error object, in the forms of both official clients."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
    body = answer.json()
    assert (body["object"], body["code"], body["param"]) == ("error", code, param)
    assert body["error"] == {name: body[name] for name in ("message", "type", "param", "code")}
    assert body["request_id"] == answer.headers["x-request-id"]
    if status == 422:
        assert [(detail["loc"], detail["msg"]) for detail in body["detail"]] == [
            ([param] if param else [], body["message"])
        ]
    else:
        assert "detail" not in body
    message = body["message"]
    assert isinstance(message, str)
    return message


async def refused(fields: dict[str, Any], status: int, code: str, param: str | None = None) -> str:
    house = House()
    message = assert_refused(await house.ask(**fields), status, code, param)
    assert house.generator.requests == []
    return message


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"max_tokens": 0}, "greater_than_equal"),
        ({"temprature": 1}, "extra_forbidden"),
        ({"seed": 1, "random_seed": 2}, "invalid_request"),  # each has its form
    ],
)
async def test_a_wrong_form_is_told_from_what_cannot_be_done(fields: dict[str, Any], kind: str) -> None:
    assert (await House().ask(**fields)).json()["detail"][0]["type"] == kind


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"model": "fake",}',
        b"{'model': 'fake'}",
        b"\xff\xfe",
        b'{"model": "\xff"}',
        '{"model": "fake"}'.encode("utf-16"),
        b'{"model": "\\ud800"}',
        b'{"model": "fake", "seed": ' + b"9" * 5000 + b"}",
        b'{"model": "fake", "metadata": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"model": "fake", "metadata": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    ],
)
async def test_what_is_not_json(body: bytes) -> None:
    message = assert_refused(await House().client.post(CHAT, body), 422, "invalid_request")
    assert message.startswith("the body is not valid JSON: ")
    assert len(message) < 200


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"1", b"true"])
async def test_json_that_is_no_object(body: bytes) -> None:
    assert "object" in assert_refused(await House().client.post(CHAT, body), 422, "invalid_request")


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_another_content_type(kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    answer = await House().client.open("POST", CHAT, [json.dumps(question()).encode()], headers).answer()
    assert_refused(answer, 422, "invalid_request", "content-type")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"model": "x" * 2000}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "assistant"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 3}]}]}, "messages[0].content[0].text"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": "10"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 3, "max_completion_tokens": 4}, None),
        ({"seed": 1, "random_seed": 2}, None),
        ({"seed": 2**63}, "seed"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"n": 0}, "n"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"top_logprobs": 2}, None),
        ({"stream_options": {"include_usage": True}}, None),
        ({"logit_bias": {"5": 101}}, "logit_bias.5"),
        ({"logit_bias": {"five": 1}}, "logit_bias"),
        ({"metadata": {"a": float("nan")}}, "metadata"),
        ({"metadata": {"a": [-float("inf")]}}, "metadata"),
        ({"metadata": ["a"]}, "metadata"),
        ({"min_tokens": 5, "max_tokens": 4}, None),
    ],
)
async def test_a_wrong_value_is_named(fields: dict[str, Any], param: str | None) -> None:
    message = await refused(fields, 422, "invalid_request", param)
    assert param is None or message.startswith(f"{param}: ")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temprature": 1}, "temprature"),
        ({"messages": [{"role": "user", "content": "x", "mood": "good"}]}, "messages[0].mood"),
        ({"stream": True, "stream_options": {"colour": 1}}, "stream_options.colour"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"prompt_mode": "reasoning"}, "prompt_mode"),
        ({"guardrails": [{"type": "x"}]}, "guardrails"),
    ],
)
async def test_an_unknown_field_is_named_and_so_is_one_that_is_not_implemented(
    fields: dict[str, Any], param: str
) -> None:
    assert "field" in await refused(fields, 422, "unsupported_field", param)


async def test_the_neutral_value_of_what_is_not_implemented_is_accepted() -> None:
    neutral = {
        name: (field.json_schema_extra or {}).get("enum", [None])[-1]  # type: ignore[union-attr]
        for name, field in ChatRequest.model_fields.items()
        if name not in ("model", "messages")
    }
    assert (await House().ask(**neutral)).status == 200


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 17}, "n"),
        ({"n": 10**30}, "n"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logit_bias": {str(token): 1 for token in range(1025)}}, "logit_bias"),
        ({"messages": [{"role": "user", "content": "x"}] * 4097}, "messages"),
    ],
)
async def test_too_much_of_something(fields: dict[str, Any], param: str) -> None:
    await refused(fields, 413, "too_large", param)


async def test_a_prompt_that_could_never_fit() -> None:
    message = await refused({"content": "x" * 300}, 400, "context_length_exceeded", "messages")
    assert "300 tokens" in message
    assert "200" in await refused({"max_tokens": 10**30}, 400, "context_length_exceeded", "max_tokens")


async def test_many_faults_are_counted_and_not_listed() -> None:
    answer = await House().ask(**{f"field{number}": 1 for number in range(5000)})
    assert "5000 faults" in assert_refused(answer, 422, "invalid_request")
    assert len(answer.body) < 1000


async def test_a_body_that_is_announced_too_large_is_refused_before_it_comes() -> None:
    headers = JSON | {"content-length": str(10**25)}
    exchange = House(max_body_mb=1).client.open("POST", CHAT, (), headers, ends=False)
    assert_refused(await exchange.answer(), 413, "too_large")


async def test_a_body_that_turns_out_too_large_is_not_read_to_its_end() -> None:
    pieces = [b" " * 100_000] * 11
    exchange = House(max_body_mb=1).client.open("POST", CHAT, [*pieces, b"never read"], JSON)
    assert "1 MiB" in assert_refused(await exchange.answer(), 413, "too_large")


async def test_a_body_of_the_largest_size_is_read() -> None:
    body = json.dumps(question()).encode().ljust(1 << 20)
    assert (await House(max_body_mb=1).client.post(CHAT, body)).status == 200
    assert (await House(max_body_mb=1).client.post(CHAT, body + b" ")).status == 413


async def test_a_body_of_many_values_is_refused_before_it_is_parsed() -> None:
    assert_refused(await House(max_body_items=100).client.post(CHAT, b"[" + b"1," * 101), 413, "too_large")


async def test_a_body_that_does_not_come() -> None:
    exchange = House(body_seconds=0.05).client.open("POST", CHAT, (), JSON, ends=False)
    assert "0.05 seconds" in assert_refused(await exchange.answer(), 408, "too_slow")


async def test_a_client_that_leaves_while_it_sends_disturbs_nobody() -> None:
    house = House()
    exchange = house.client.open("POST", CHAT, (), JSON, ends=False)
    await asyncio.sleep(0.01)
    await exchange.leave()
    assert house.generator.requests == []
    left = 'galerne_http_requests_total{method="POST",route="/v1/chat/completions",status="499"}'
    assert await metric(house.client, left) == 1
