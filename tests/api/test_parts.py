"""The parts of an answer beside its text, as they go over the wire."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.client import Answer
from tests.api.house import CHAT, House, question

CALL = b'I look.<tool_call>\n{"name": "weather", "arguments": {"city": "Nice"}}\n</tool_call>'
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@pytest.fixture(scope="module")
def house() -> House:
    return House(CALL)


async def ask(house: House, agent: str = "x", **fields: Any) -> Answer:
    return await house.client.post(CHAT, question(tools=[WEATHER], **fields), {"user-agent": agent})


async def test_calls_of_a_whole_answer(house: House) -> None:
    (choice,) = (await ask(house)).json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "I look."
    (call,) = choice["message"]["tool_calls"]
    assert len(call.pop("id")) == 9
    function = {"name": "weather", "arguments": '{"city": "Nice"}'}
    assert call == {"index": 0, "type": "function", "function": function}


async def test_an_answer_without_calls_does_not_mention_them() -> None:
    (choice,) = (await ask(House(b"No."))).json()["choices"]
    assert choice["message"] == {"role": "assistant", "content": "No."}


@pytest.mark.parametrize(
    ("agent", "whole"), [("mistral-client-python/3", True), ("OpenAI/Python 3", False), ("curl/8", True)]
)
async def test_calls_of_a_stream(house: House, agent: str, whole: bool) -> None:
    chunks = (await ask(house, agent, stream=True)).events
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content") or "" for delta in deltas) == "I look."
    first, *others = (call for delta in deltas for call in delta.get("tool_calls", ()))
    assert (first["index"], first["function"]["name"], len(first["id"])) == (0, "weather", 9)
    assert (others == []) == whole
    assert all("id" not in call and call["function"]["name"] == "" for call in others)
    assert "".join(call["function"]["arguments"] for call in [first, *others]) == '{"city": "Nice"}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_wrong_tool_is_named() -> None:
    answer = await House().ask(tools=[{"type": "function", "function": {"name": "a b"}}])
    assert (answer.status, answer.json()["param"]) == (422, "tools[0].function.name")
    answer = await House().ask(tools=[WEATHER, {"type": "web_search"}])
    assert answer.status == 422
    assert str(answer.json()["param"]).startswith("tools[1]")
