"""Responses over HTTP: bodies, events, refusals."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import events_of
from tests.api.kept_house import ANNA, BERT, KeptHouse

BASE = "/v1/responses"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> KeptHouse:
    return KeptHouse(tmp_path_factory.mktemp("house"))


def asked(input: Any = "Hi", **fields: Any) -> dict[str, Any]:
    return {"model": "fake", "input": input} | fields


async def test_events_are_numbered_and_whole(house: KeptHouse) -> None:
    events = events_of(await house.post(BASE, asked(stream=True)))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    told = {event["type"]: event for event in events}
    assert list(told) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert told["response.output_item.added"]["item"]["status"] == "in_progress"
    assert told["response.output_item.added"]["item"]["content"] == []
    assert told["response.content_part.done"]["part"]["text"] == told["response.output_text.done"]["text"]
    last = told["response.completed"]["response"]
    assert last["output"] == [told["response.output_item.done"]["item"]]
    assert (await house.get(f"{BASE}/{last['id']}")).json() == last


@pytest.mark.parametrize("stream", [True, False])
async def test_a_failure_before_the_answer_has_its_status(house: KeptHouse, stream: bool) -> None:
    answer = await house.post(BASE, asked("x" * 5000, stream=stream))
    assert (answer.status, answer.json()["code"]) == (400, "context_length_exceeded")


async def test_a_failure_in_the_answer_is_its_last_event(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, fails_after=3)
    failed = events_of(await house.post(BASE, asked(stream=True)))[-1]
    assert failed["type"] == "response.failed"
    assert failed["response"]["error"]["code"] == "server_error"
    kept = (await house.get(f"{BASE}/{failed['response']['id']}")).json()
    assert (kept["status"], kept["output"][0]["content"][0]["text"]) == ("failed", "Bon")
    assert (await house.post(BASE, asked())).status == 503


async def test_who_leaves_a_stream_cancels(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, hangs_after=3)
    exchange = house.client.send(BASE, asked(stream=True), ANNA)
    pieces = [(await exchange.piece()).decode() for _ in range(7)]
    await exchange.leave()
    id = json.loads(pieces[0].split("data: ")[1])["response"]["id"]
    async with asyncio.timeout(30):
        while (kept := (await house.get(f"{BASE}/{id}")).json())["status"] == "in_progress":
            await asyncio.sleep(0.01)
    assert (kept["status"], kept["output"][0]["content"][0]["text"]) == ("cancelled", "Bon")
    assert house.generator.running == set()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_response_in_the_background_can_be_cancelled(tmp_path: Path, stream: bool) -> None:
    house = KeptHouse(tmp_path, hangs_after=3)
    exchange = house.client.send(BASE, asked(background=True, stream=stream), ANNA)
    first = (await exchange.piece()).decode()
    begun = json.loads(first.split("data: ")[1])["response"] if stream else json.loads(first)
    await exchange.leave()
    assert (begun["status"], begun["background"]) == ("in_progress", True)
    assert (await house.get(f"{BASE}/{begun['id']}")).json()["status"] == "in_progress"
    assert (await house.post(f"{BASE}/{begun['id']}/cancel", {})).json()["status"] == "cancelled"
    assert house.generator.running == set()


async def test_a_stream_whose_response_is_cancelled_says_so(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, hangs_after=3)
    exchange = house.client.send(BASE, asked(stream=True), ANNA)
    id = json.loads((await exchange.piece()).decode().split("data: ")[1])["response"]["id"]
    await house.post(f"{BASE}/{id}/cancel", {})
    events = (await exchange.answer()).body.decode()
    last = json.loads(events.strip().split("data: ")[-1])
    assert (last["type"], last["response"]["status"]) == ("response.incomplete", "cancelled")


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0]", "unsupported_field"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0]", "unsupported_field"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice", "invalid_request"),
        ({"tool_choice": "required"}, None, "invalid_request"),
        ({"conversation": "conv_1"}, "conversation", "unsupported_field"),
        ({"include": ["message.output_text.logprobs"]}, "include", "unsupported_field"),
        ({"top_logprobs": 2}, "top_logprobs", "unsupported_field"),
        ({"truncation": "auto"}, "truncation", "unsupported_field"),
        ({"max_tool_calls": 3}, "max_tool_calls", "unsupported_field"),
        ({"text": {"verbosity": "low"}}, "text.verbosity", "unsupported_field"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.name", "invalid_request"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format", "invalid_request"),
        ({"background": True, "store": False}, None, "invalid_request"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]", "invalid_request"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0]", "invalid_request"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role", "invalid_request"),
        ({"temperature": 9}, "temperature", "invalid_request"),
        ({"colour": "red"}, "colour", "unsupported_field"),
    ],
)
async def test_what_is_wrong_is_named(house: KeptHouse, fields: dict[str, Any], param: str | None, code: str) -> None:
    answer = await house.post(BASE, asked(**fields))
    assert (answer.status, answer.json()["code"]) == (422, code)
    assert (answer.json()["param"] or "").startswith(param or "")


async def test_input_items_come_in_pages(house: KeptHouse) -> None:
    items = [{"role": "user", "content": str(number)} for number in range(5)]
    id = (await house.post(BASE, asked(items))).json()["id"]

    async def page(query: str) -> tuple[list[str], bool]:
        listed = (await house.get(f"{BASE}/{id}/input_items?{query}")).json()
        assert (listed["first_id"], listed["last_id"]) == (listed["data"][0]["id"], listed["data"][-1]["id"])
        return [item["content"][0]["text"] for item in listed["data"]], listed["has_more"]

    assert await page("") == (["4", "3", "2", "1", "0"], False)
    assert await page("order=asc&limit=2") == (["0", "1"], True)
    last = (await house.get(f"{BASE}/{id}/input_items?order=asc&limit=2")).json()["last_id"]
    assert await page(f"order=asc&limit=3&after={last}") == (["2", "3", "4"], False)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/input_items?limit=0", "limit"),
        ("/input_items?limit=101", "limit"),
        ("/input_items?order=up", "order"),
        ("/input_items?after=msg_none", "after"),
        ("?stream=true", "stream"),
        ("?starting_after=3", "starting_after"),
        ("?colour=red", "colour"),
    ],
)
async def test_a_wrong_query_is_named(house: KeptHouse, path: str, param: str) -> None:
    id = (await house.post(BASE, asked())).json()["id"]
    answer = await house.get(f"{BASE}/{id}{path}")
    assert (answer.status, answer.json()["param"]) == (422, param)


async def test_another_workspace_finds_nothing(house: KeptHouse) -> None:
    id = (await house.post(BASE, asked())).json()["id"]
    for wanted, who in ((id, BERT), ("resp_none", ANNA), ("%00", ANNA)):
        for answer in (
            await house.get(f"{BASE}/{wanted}", who),
            await house.get(f"{BASE}/{wanted}/input_items", who),
            await house.delete(f"{BASE}/{wanted}", who),
            await house.post(f"{BASE}/{wanted}/cancel", {}, who),
            await house.post(BASE, asked(previous_response_id=wanted.replace("%00", "\0")), who),
        ):
            assert (answer.status, answer.json()["code"]) == (404, "not_found")
    assert (await house.get(f"{BASE}/{id}")).json()["status"] == "completed"
