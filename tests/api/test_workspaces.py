"""Two workspaces against each other: what one keeps does not exist for the other, at any address that takes an id.

The addresses are those of the application itself: a new one that takes an id is asked, too, and fails this test until
`MAKERS` knows how to make what it is about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tests.api.client import Answer
from tests.api.house import CHAT, question
from tests.api.kept_house import ANNA, BERT, KeptHouse
from tests.api.test_batches import at_work, ended

EXCEPTIONS = {
    "/v1/models/{id}",  # models are everybody's
    "/signed/files/{file_id}",  # a signature stands in the place of a key
}

AGENT = {"model": "fake", "name": "agent"}
BODIES: dict[tuple[str, str], Any] = {
    ("post", "/v1/conversations/{id}"): {"inputs": "And then?"},
    ("post", "/v1/conversations/{id}/restart"): {"inputs": "And then?", "from_entry_id": "{entry}"},
    ("patch", "/v1/agents/{id}"): {"name": "renamed"},
}
"""What is sent along, where something must be."""

QUERIES = {
    ("patch", "/v1/agents/{id}/version"): "version=0",
    ("put", "/v1/agents/{id}/aliases"): "alias=prod&version=0",
    ("delete", "/v1/agents/{id}/aliases"): "alias=made",
}

Thing = dict[str, str]
"""What stands in the place of an address's parameters; `id` is that of the thing itself."""


async def _file(house: KeptHouse) -> Thing:
    return {"id": (await house.upload()).json()["id"]}


async def _batch(house: KeptHouse) -> Thing:
    order = {"endpoint": CHAT, "requests": [{"body": {}}]}
    job = (await house.post("/v1/batch/jobs", order)).json()
    return {"id": job["id"]}


async def _ended_batch(house: KeptHouse) -> Thing:
    thing = await _batch(house)
    await house.post(f"/v1/batch/jobs/{thing['id']}/cancel", {})
    async with at_work(house):
        await ended(house, thing)
    return thing


async def _conversation(house: KeptHouse) -> Thing:
    begun = (await house.post("/v1/conversations", {"model": "fake", "inputs": "Hello"})).json()
    return {"id": begun["conversation_id"], "entry": begun["outputs"][0]["id"]}


async def _agent(house: KeptHouse) -> Thing:
    id = (await house.post("/v1/agents", AGENT)).json()["id"]
    await house.client.open("PUT", f"/v1/agents/{id}/aliases?alias=made&version=0", (), ANNA).answer()
    return {"id": id, "version": "0"}


async def _answer(house: KeptHouse) -> Thing:
    return {"id": (await house.post(CHAT, question())).json()["id"]}


async def _response(house: KeptHouse, **fields: Any) -> Thing:
    return {"id": (await house.post("/v1/responses", {"model": "fake", "input": "Hello"} | fields)).json()["id"]}


async def _background_response(house: KeptHouse) -> Thing:
    return await _response(house, background=True)


MAKERS: dict[str, Callable[[KeptHouse], Awaitable[Thing]]] = {
    "/v1/files/": _file,
    "/v1/batch/jobs/": _batch,
    "/v1/batches/": _batch,
    "/v1/conversations/": _conversation,
    "/v1/agents/": _agent,
    "/v1/receipts/": _answer,
    "/v1/responses/": _response,
}
OTHERWISE = {
    ("delete", "/v1/batch/jobs/{job_id}"): _ended_batch,
    ("post", "/v1/responses/{id}/cancel"): _background_response,
}
"""What an operation is possible with, where it is not with any such thing."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptHouse]:
    house = KeptHouse(tmp_path_factory.mktemp("workspaces"))
    yield house
    house.database.close()


async def operations(house: KeptHouse) -> list[tuple[str, str]]:
    """The method and the path of all that the application documents."""
    paths = (await house.client.get("/openapi.json")).json()["paths"]
    return [(method, path) for path, methods in paths.items() for method in methods]


async def ask(house: KeptHouse, operation: tuple[str, str], thing: Thing, who: dict[str, str]) -> Answer:
    method, path = operation
    filled = re.sub(r"{(\w+)}", lambda match: thing.get(match[1], thing["id"]), path)
    body = json.dumps(BODIES.get(operation, {})).replace("{entry}", thing.get("entry", "")).encode()
    headers = {"content-type": "application/json"} | who
    return await house.client.open(method.upper(), f"{filled}?{QUERIES.get(operation, '')}", [body], headers).answer()


async def make(house: KeptHouse, operation: tuple[str, str]) -> Thing:
    makers = [maker for prefix, maker in MAKERS.items() if operation[1].startswith(prefix)]
    assert makers, f"MAKERS does not know how to make what {operation[1]} is about"
    return await OTHERWISE.get(operation, makers[0])(house)


def missing(thing: Thing) -> Thing:
    """Another one of the same looks that does not exist."""
    return thing | {"id": thing["id"][:-6] + "0" * 6}


def told(answer: Answer, thing: Thing) -> Any:
    body = json.loads(answer.body.replace(thing["id"].encode(), b"ID"))
    return answer.status, {name: value for name, value in body.items() if name != "request_id"}


async def test_what_one_workspace_keeps_does_not_exist_for_the_other(house: KeptHouse) -> None:
    asked = [each for each in await operations(house) if "{" in each[1] and each[1] not in EXCEPTIONS]
    assert len(asked) >= 25
    for operation in asked:
        thing = await make(house, operation)
        theirs = await ask(house, operation, thing, BERT)
        assert theirs.status == 404, operation
        none = missing(thing)
        assert told(theirs, thing) == told(await ask(house, operation, none, BERT), none), operation
        own = await ask(house, operation, thing, ANNA)
        assert own.status < 300, (operation, own.body)


async def test_no_list_shows_what_another_workspace_keeps(house: KeptHouse) -> None:
    things = {prefix: await maker(house) for prefix, maker in MAKERS.items()}
    lists = [path for method, path in await operations(house) if method == "get" and "{" not in path]
    for path in lists:
        theirs = (await house.get(path, BERT)).body.decode()
        assert not [thing for thing in things.values() if thing["id"] in theirs], path
        if f"{path}/" in MAKERS:
            assert things[f"{path}/"]["id"] in (await house.get(path)).body.decode(), path


async def test_nothing_is_taken_from_another_workspace(house: KeptHouse) -> None:
    """What a body names by its id."""
    file = (await house.upload(b'{"body": {}}', purpose="batch")).json()["id"]
    agent, conversation, response = await _agent(house), await _conversation(house), await _response(house)
    other = (await house.post("/v1/conversations", {"model": "fake", "inputs": "Hello"}, BERT)).json()
    for path, body in (
        ("/v1/batch/jobs", {"endpoint": CHAT, "input_files": [file]}),
        ("/v1/batches", {"endpoint": CHAT, "input_file_id": file, "completion_window": "24h"}),
        ("/v1/conversations", {"agent_id": agent["id"], "inputs": "Hello"}),
        ("/v1/responses", {"model": "fake", "input": "Hello", "previous_response_id": response["id"]}),
    ):
        assert (await house.post(path, body, BERT)).status == 404, path
        assert (await house.post(path, body)).status == 200, path
    entry = {"inputs": "And then?", "from_entry_id": conversation["entry"]}
    for id, who, status in ((other["conversation_id"], BERT, 404), (conversation["id"], ANNA, 200)):
        assert (await house.post(f"/v1/conversations/{id}/restart", entry, who)).status == status


async def test_without_a_key_nothing_is_told(house: KeptHouse) -> None:
    for operation in await operations(house):
        if operation[1].startswith("/v1/"):
            answer = await ask(house, operation, {"id": "anything"}, {})
            assert (answer.status, answer.json()["code"]) == (401, "not_authenticated"), operation
