"""What holds for every address that takes an id, also for those that are yet to come: they are read from the document.

Another workspace's thing is not there, whatever is asked of it; and no text, not even one that a database cannot hold,
is more than an id that is not there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.api.client import Answer
from tests.api.kept_house import ANNA, BERT, KeptHouse, form

from galerne.store.database import Database

Ids = dict[str, str]
"""The values of the parameters of a path."""

EVERYBODYS = ("/v1/models/", "/v1/shared/", "/v1/admin/", "/v1/users/me/")
"""What belongs to no workspace: to all, to whoever has the link, to those who look after all workspaces, to a user."""

# What a right request says besides the id.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/v1/conversations/{conversation_id}"): {"inputs": "Hi"},
    ("post", "/v1/conversations/{conversation_id}/restart"): {"inputs": "Hi", "from_entry_id": "{entry}"},
    ("patch", "/v1/agents/{id}"): {"instructions": "Else."},
    ("post", "/v1/chats/{id}/messages"): {"content": "And?", "parent": "{message}"},
    ("put", "/v1/chats/{id}/messages/{message}/feedback"): {"rating": "up"},
    ("patch", "/v1/folders/{id}"): {"name": "Else"},
}
QUERIES = {
    ("get", "/v1/attachments/{id}"): "model=fake",
    ("patch", "/v1/agents/{id}/version"): "version=0",
    ("put", "/v1/agents/{id}/aliases"): "version=0&alias=known",
    ("delete", "/v1/agents/{id}/aliases"): "alias=known",
}
CHAT = {"model": "fake", "messages": [{"role": "user", "content": "Hi"}]}
JOB = {"endpoint": "/v1/chat/completions", "requests": [{"body": CHAT}]}


async def things(house: KeptHouse) -> dict[str, Ids]:
    """One of everything, owned by Anna, by the beginning of the paths that lead to it."""
    file = (await house.upload(b'{"body": {}}', purpose="batch")).json()["id"]
    job = (await house.post("/v1/batch/jobs", JOB)).json()["id"]
    agent = (await house.post("/v1/agents", {"model": "fake", "name": "A"})).json()["id"]
    conversation = (await house.post("/v1/conversations", {"model": "fake", "inputs": "Hi"})).json()
    response = (await house.post("/v1/responses", {"model": "fake", "input": "Hi"})).json()["id"]
    receipt = (await house.post("/v1/chat/completions", CHAT)).headers["x-galerne-receipt"]
    chat = (await house.post("/v1/chats", {"model": "fake"})).json()["id"]
    await house.post(f"/v1/chats/{chat}/messages", {"content": "Hi"})
    share = (await house.post(f"/v1/chats/{chat}/shares", {})).json()["id"]
    message = (await house.get(f"/v1/chats/{chat}")).json()["active"]
    folder = (await house.post("/v1/folders", {"name": "F"})).json()["id"]
    prompt = (await house.post("/v1/prompts", {"title": "P", "content": "Translate:"})).json()["id"]
    attachment = (await house.send(form(b"a text", model="fake"), path="/v1/attachments").answer()).json()["id"]
    return {
        "/v1/prompts/": {"id": prompt},
        "/v1/attachments/": {"id": attachment},
        "/v1/chats/": {"id": chat, "message": message, "share": share},
        "/v1/folders/": {"id": folder},
        "/v1/files/": {"file_id": file},
        "/v1/batch/jobs/": {"job_id": job},
        "/v1/batches/": {"batch_id": job},
        "/v1/agents/": {"id": agent, "version": "0"},
        "/v1/conversations/": {
            "conversation_id": conversation["conversation_id"],
            "entry": conversation["outputs"][0]["id"],
        },
        "/v1/responses/": {"id": response},
        "/v1/receipts/": {"id": receipt},
    }


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a house says of its addresses: the same in every test, and written down in half a second each time."""
    house = KeptHouse(tmp_path_factory.mktemp("said"))
    house.database.close()
    said: dict[str, Any] = house.app.openapi()["paths"]
    return said


def operations(paths: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Those whose path has a parameter; what deletes the thing itself comes last."""
    found = [
        (method, path, operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if path.startswith("/v1/") and "{" in path and not path.startswith(EVERYBODYS)
    ]
    yield from sorted(found, key=lambda each: (each[0] == "delete", -each[1].count("/")))


async def ask(house: KeptHouse, method: str, path: str, ids: Ids, who: dict[str, str]) -> Answer:
    body = {
        name: value.format(**ids) if isinstance(value, str) else value
        for name, value in BODIES.get((method, path), {}).items()
    }
    query = f"?{QUERIES[method, path]}" if (method, path) in QUERIES else ""
    return await house.client.post(path.format(**ids) + query, body, who, method=method.upper())


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[KeptHouse]:
    house = KeptHouse(tmp_path, database=database.url.render_as_string(hide_password=False))
    yield house
    house.database.close()


async def test_another_workspaces_things_are_not_there(house: KeptHouse, paths: dict[str, Any]) -> None:
    made = await things(house)
    asked = []
    for method, path, _ in operations(paths):
        ids = next((ids for beginning, ids in made.items() if path.startswith(beginning)), None)
        assert ids is not None, f"{path} takes an id: make such a thing here, or say that it is everybody's"
        asked.append((method, path, ids))
    theirs = {(method, path): (await ask(house, method, path, ids, BERT)).status for method, path, ids in asked}
    assert theirs == dict.fromkeys(theirs, 404)
    ours = {(method, path): (await ask(house, method, path, ids, ANNA)).status for method, path, ids in asked}
    # So it was the workspace, and not a wrong request. A job that was just made can be busy, or have no results yet.
    assert {each: status for each, status in ours.items() if status not in (200, 201, 204, 409)} == {}


async def test_nor_can_they_be_named_in_a_body(house: KeptHouse) -> None:
    made = await things(house)
    ids = {name: value for each in made.values() for name, value in each.items()}
    agent, response = made["/v1/agents/"]["id"], made["/v1/responses/"]["id"]
    naming = [
        ("/v1/conversations", {"agent_id": agent, "inputs": "Hi"}),
        ("/v1/agents", {"model": "fake", "name": "B", "handoffs": [agent]}),
        ("/v1/responses", {"model": "fake", "input": "Hi", "previous_response_id": response}),
        ("/v1/responses/input_tokens", {"model": "fake", "input": "Hi", "previous_response_id": response}),
        ("/v1/batch/jobs", {"endpoint": "/v1/chat/completions", "input_files": [ids["file_id"]]}),
        (
            "/v1/batches",
            {"endpoint": "/v1/chat/completions", "input_file_id": ids["file_id"], "completion_window": "1h"},
        ),
    ]
    for path, body in naming:
        refusal = await house.post(path, body, BERT)
        # An agent that may be passed on to is a wrong field of a right request: 422 says which.
        assert refusal.status == (422 if "handoffs" in body else 404), path
        assert "here" in refusal.json()["message"]


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud7ff\U0010ffff", "'; --", "%", "x" * 5000])
async def test_any_text_is_an_id_that_is_not_there(house: KeptHouse, paths: dict[str, Any], text: str) -> None:
    spelled = quote(text, safe="")
    for method, path, _ in operations(paths):
        names = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
        answer = await ask(house, method, path, dict.fromkeys([*names, "entry", "message"], spelled), ANNA)
        assert answer.status in (404, 422), (method, path, answer.body)


@pytest.mark.parametrize("text", ["%00", "%F4%8F%BF%BF"])
async def test_any_text_can_be_looked_for(house: KeptHouse, paths: dict[str, Any], text: str) -> None:
    for path, methods in paths.items():
        for parameter in methods.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query" and "{" not in path:
                answer = await house.get(f"{path}?{parameter['name']}={text}")
                assert answer.status in (200, 404, 422), (path, parameter["name"], answer.body)
