"""Conversations over HTTP: bodies, events, refusals; what a client that leaves has heard is kept."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import events_of
from tests.api.house import metric
from tests.api.kept_house import ANNA, BERT, KeptHouse

BASE = "/v1/conversations"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> KeptHouse:
    return KeptHouse(tmp_path_factory.mktemp("house"))


def asked(inputs: Any = "Hi", **fields: Any) -> dict[str, Any]:
    return {"model": "fake", "inputs": inputs} | fields


async def test_an_answer_and_its_usage(house: KeptHouse) -> None:
    answer = (await house.post(BASE, asked())).json()
    [output] = answer["outputs"]
    assert (output["type"], output["content"], output["model"]) == ("message.output", "Bonjour !", "fake")
    assert answer["usage"] | {"connectors": None} == answer["usage"]
    assert answer["usage"]["total_tokens"] == 2 + 9


async def test_a_stream_names_its_events(house: KeptHouse) -> None:
    start, *deltas, done = events_of(await house.post(BASE, asked(stream=True)))
    assert start["type"] == "conversation.response.started"
    assert "".join(delta["content"] for delta in deltas) == "Bonjour !"
    assert {(delta["type"], delta["output_index"]) for delta in deltas} == {("message.output.delta", 0)}
    assert done["type"] == "conversation.response.done"
    assert done["usage"]["completion_tokens"] == 9
    history = (await house.get(f"{BASE}/{start['conversation_id']}/history")).json()
    assert history["entries"][1]["id"] == deltas[0]["id"]


async def test_an_empty_answer_is_told_in_a_stream(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, lambda _: b"")
    _, delta, _ = events_of(await house.post(BASE, asked(stream=True)))
    assert delta["content"] == ""


@pytest.mark.parametrize("stream", [True, False])
async def test_a_failure_before_the_answer_has_its_status(house: KeptHouse, stream: bool) -> None:
    answer = await house.post(BASE, asked("x" * 5000, stream=stream))
    assert (answer.status, answer.json()["code"]) == (400, "context_length_exceeded")


async def test_a_failure_in_the_answer_is_its_last_event(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, fails_after=3)
    start, *_deltas, failure = events_of(await house.post(BASE, asked(stream=True)))
    assert (failure["type"], failure["code"]) == ("conversation.response.error", 503)
    assert "the engine broke" in failure["message"]
    history = (await house.get(f"{BASE}/{start['conversation_id']}/history")).json()
    assert history["entries"][-1]["content"] == "Bon"
    assert history["entries"][-1]["completed_at"] is None


async def test_who_leaves_a_stream_finds_what_was_said(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, hangs_after=3)
    exchange = house.client.send(BASE, asked(stream=True), ANNA)
    pieces = [(await exchange.piece()).decode() for _ in range(4)]
    await exchange.leave()
    [conversation] = (await house.get(BASE)).json()
    async with asyncio.timeout(30):
        while len((history := (await house.get(f"{BASE}/{conversation['id']}/history")).json())["entries"]) < 2:
            await asyncio.sleep(0.01)
    assert "".join(json.loads(piece.split("data: ")[1])["content"] for piece in pieces[1:]) == "Bon"
    assert [entry["content"] for entry in history["entries"]] == ["Hi", "Bon"]
    assert house.generator.running == set()


async def test_a_turn_beside_another_is_refused(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, hangs_after=3)
    exchange = house.client.send(BASE, asked(stream=True), ANNA)
    id = json.loads((await exchange.piece()).decode().split("data: ")[1])["conversation_id"]
    answer = await house.post(f"{BASE}/{id}", {"inputs": "?"})
    assert (answer.status, answer.json()["code"], answer.headers["retry-after"]) == (409, "busy", "1")
    await exchange.leave()


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": None}, None, "invalid_request"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]", "unsupported_field"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name", "invalid_request"),
        ({"completion_args": {"tool_choice": "any"}}, None, "invalid_request"),
        ({"guardrails": [{}]}, "guardrails", "unsupported_field"),
        ({"agent_id": "ag_1"}, None, "invalid_request"),
        ({"inputs": 5}, "inputs", "invalid_request"),
        (
            {"inputs": [{"type": "tool.execution", "name": "web_search", "arguments": "{}"}]},
            "inputs[0]",
            "invalid_request",
        ),
        ({"inputs": [{"role": "robot", "content": "?"}]}, "inputs[0].role", "invalid_request"),
        ({"inputs": [{"type": ["x"], "role": "user", "content": "?"}]}, "inputs[0]", "invalid_request"),
        ({"inputs": [{"role": "user", "content": "?", "colour": 1}]}, "inputs[0].colour", "unsupported_field"),
        ({"completion_args": {"temperature": 9}}, "completion_args.temperature", "invalid_request"),
        ({"completion_args": {"colour": 9}}, "completion_args.colour", "unsupported_field"),
        ({"colour": "red"}, "colour", "unsupported_field"),
    ],
)
async def test_what_is_wrong_is_named(house: KeptHouse, fields: dict[str, Any], param: str | None, code: str) -> None:
    answer = await house.post(BASE, asked(**fields))
    assert (answer.status, answer.json()["param"], answer.json()["code"]) == (422, param, code)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("page=-1", "page"),
        ("page=x", "page"),
        ("page=99999999999999999999", "page"),
        ("page_size=0", "page_size"),
        ("metadata=5", "metadata"),
        ("metadata={", "metadata"),
    ],
)
async def test_a_wrong_query_is_named(house: KeptHouse, query: str, param: str) -> None:
    answer = await house.get(f"{BASE}?{query}")
    assert (answer.status, answer.json()["param"]) == (422, param)


@pytest.mark.parametrize("id", ["conv_none", "%00", "..%2f", "é", "x" * 5000])
async def test_what_is_not_there(house: KeptHouse, id: str) -> None:
    for answer in (
        await house.get(f"{BASE}/{id}"),
        await house.get(f"{BASE}/{id}/history"),
        await house.get(f"{BASE}/{id}/messages"),
        await house.delete(f"{BASE}/{id}"),
        await house.post(f"{BASE}/{id}", {"inputs": "?"}),
        await house.post(f"{BASE}/{id}/restart", {"from_entry_id": "msg_1"}),
    ):
        assert answer.status == 404


async def test_deleting_says_nothing(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    id = (await house.post(BASE, asked())).json()["conversation_id"]
    answer = await house.delete(f"{BASE}/{id}")
    assert (answer.status, answer.body) == (204, b"")
    assert (await house.get(BASE)).json() == []


async def test_another_workspace_finds_nothing(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    id = (await house.post(BASE, asked())).json()["conversation_id"]
    entry = (await house.get(f"{BASE}/{id}/history")).json()["entries"][0]["id"]
    for answer in (
        await house.get(f"{BASE}/{id}", BERT),
        await house.get(f"{BASE}/{id}/history", BERT),
        await house.get(f"{BASE}/{id}/messages", BERT),
        await house.delete(f"{BASE}/{id}", BERT),
        await house.post(f"{BASE}/{id}", {"inputs": "?"}, BERT),
        await house.post(f"{BASE}/{id}", {"inputs": "?", "stream": True}, BERT),
        await house.post(f"{BASE}/{id}/restart", {"from_entry_id": entry}, BERT),
    ):
        assert (answer.status, answer.json()["code"]) == (404, "not_found")
    assert (await house.get(BASE, BERT)).json() == []
    assert len((await house.get(f"{BASE}/{id}/history")).json()["entries"]) == 2


async def test_the_wait_for_the_first_word_is_measured_in_conversations_and_responses(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    for path, document in ((BASE, {"inputs": "Hi"}), ("/v1/responses", {"input": "Hi", "background": True})):
        assert (await house.post(path, {"model": "fake"} | document)).status == 200
    while await metric(house.client, 'galerne_first_token_seconds_count{model="fake"}') < 2:
        await asyncio.sleep(0)


DIES = """
import asyncio, os, re, signal, sys
from pathlib import Path
from tests.api.kept_house import ANNA, KeptHouse

async def main():
    house = KeptHouse(Path(sys.argv[1]), hangs_after=3)
    told = {"content-type": "application/json"} | ANNA
    for path, said in ("/v1/conversations", "inputs"), ("/v1/responses", "input"):
        exchange = house.client.send(path, {"model": "fake", said: "Hi", "stream": True}, told)
        print(re.search(r'"((conv|resp)_[0-9a-f]+)"', (await exchange.piece()).decode())[1], flush=True)
        while b"delta" not in await exchange.piece():
            pass
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_a_killed_server_was_answering_can_be_gone_on_with_at_once(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, tmp_path], capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    conversation, response = died.stdout.split()
    house = KeptHouse(tmp_path)
    assert [entry["content"] for entry in (await house.get(f"{BASE}/{conversation}/history")).json()["entries"]] == [
        "Hi"
    ]
    answer = await house.post(f"{BASE}/{conversation}", {"inputs": "Still there?"})
    assert (answer.status, answer.json()["outputs"][0]["content"]) == (200, "Bonjour !")
    assert bytes(house.generator.requests[-1].prompt) == b"HiStill there?"
    failed = (await house.get(f"/v1/responses/{response}")).json()
    assert (failed["status"], failed["output"]) == ("failed", [])
