"""Agents over HTTP: bodies, queries, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.api.client import Answer
from tests.api.kept_house import ANNA, BERT, KeptHouse

BASE = "/v1/agents"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> KeptHouse:
    return KeptHouse(tmp_path_factory.mktemp("house"))


def made(**fields: Any) -> dict[str, Any]:
    return {"model": "fake", "name": "Traducteur"} | fields


async def create(house: KeptHouse, **fields: Any) -> str:
    answer = await house.post(BASE, made(**fields))
    assert answer.status == 200
    return str(answer.json()["id"])


async def send(house: KeptHouse, method: str, path: str, document: Any, who: dict[str, str] = ANNA) -> Answer:
    return await house.client.post(path, document, who, method=method)


async def test_an_agent_is_what_it_was_made_of(house: KeptHouse) -> None:
    fields = made(instructions="Traduis.", completion_args={"temperature": 0.3}, metadata={"a": [1]}, description="d")
    agent = (await house.post(BASE, fields)).json()
    assert agent | fields | {"completion_args": agent["completion_args"]} == agent
    assert agent["completion_args"]["temperature"] == 0.3
    assert (agent["object"], agent["version"], agent["versions"], agent["source"]) == ("agent", 0, [0], "api")
    assert (await house.get(f"{BASE}/{agent['id']}")).json() == agent


async def test_a_change_says_what_changes(house: KeptHouse) -> None:
    id = await create(house, instructions="Traduis.", description="d")
    changed = await send(house, "PATCH", f"{BASE}/{id}", {"instructions": None, "name": None, "deployment_chat": True})
    agent = changed.json()
    assert (agent["instructions"], agent["name"], agent["description"]) == (None, "Traducteur", "d")
    assert (agent["version"], agent["versions"], agent["deployment_chat"]) == (1, [0, 1], True)
    assert (await house.get(f"{BASE}/{id}?agent_version=0")).json()["instructions"] == "Traduis."
    assert (await house.get(f"{BASE}/{id}/versions/0")).json()["version"] == 0


@pytest.mark.parametrize(
    ("fields", "status", "param", "code"),
    [
        ({"model": "none"}, 404, "model", "model_not_found"),
        ({"name": ""}, 422, "name", "invalid_request"),
        ({"name": "nul\0"}, 422, "name", "invalid_request"),
        ({"handoffs": ["ag_none"]}, 422, "handoffs[0]", "invalid_request"),
        ({"handoffs": ["ag_none"] * 99}, 413, "handoffs", "too_large"),
        ({"metadata": dict.fromkeys("abcdefghijklmnopq")}, 413, "metadata", "too_large"),
        ({"metadata": {"x" * 65: 1}}, 422, "metadata", "invalid_request"),
        ({"tools": [{"type": "code_interpreter"}]}, 422, "tools[0]", "unsupported_field"),
        ({"tools": [{"type": "connector", "connector_id": "c"}]}, 422, "tools[0]", "unsupported_field"),
        ({"guardrails": [{}]}, 422, "guardrails", "unsupported_field"),
        ({"colour": "red"}, 422, "colour", "unsupported_field"),
    ],
)
async def test_what_is_wrong_is_named(
    house: KeptHouse, fields: dict[str, Any], status: int, param: str, code: str
) -> None:
    id = await create(house)
    for answer in (await house.post(BASE, made(**fields)), await send(house, "PATCH", f"{BASE}/{id}", fields)):
        assert (answer.status, answer.json()["code"]) == (status, code)
        assert answer.json()["param"].startswith(param)
    assert (await house.get(f"{BASE}/{id}")).json()["versions"] == [0]


async def test_lists_and_pages(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    ids = [await create(house, name=f"Agent {number}") for number in range(5)][::-1]

    async def listed(query: str) -> list[str]:
        return [agent["id"] for agent in (await house.get(f"{BASE}?{query}")).json()]

    assert await listed("") == ids
    assert await listed("page=1&page_size=2") == ids[2:4]
    assert await listed("name=Agent%203") == [ids[1]]
    assert await listed("search=gent%204") == [ids[0]]
    assert await listed(f"id={ids[2]}") == [ids[2]]
    assert await listed("deployment_chat=true") == []
    assert await listed("sources=playground") == []
    assert await listed("sources=playground&sources=api") == ids
    seen, token = [], None
    while token is not None or not seen:
        behind = "" if token is None else f"&page_token={token}"
        page = (await house.get(f"{BASE}/pages?page_size=2{behind}")).json()
        seen += [agent["id"] for agent in page["data"]]
        token = page["next_page_token"]
    assert seen == ids


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("?page=-1", "page"),
        ("?page_size=0", "page_size"),
        ("?page_size=99999999999", "page_size"),
        ("?metadata=[]", "metadata"),
        ("?colour=red", "colour"),
        ("/pages?page_token=x", "page_token"),
        ("/pages?page_token=%C3%A9", "page_token"),
    ],
)
async def test_a_wrong_query_is_named(house: KeptHouse, path: str, param: str) -> None:
    answer = await house.get(f"{BASE}{path}")
    assert (answer.status, answer.json()["param"]) == (422, param)


async def test_too_long_a_page_is_refused(house: KeptHouse) -> None:
    id = await create(house)
    for path in ("?page_size=1001", "/pages?page_size=1001", f"/{id}/versions?page_size=1001"):
        assert (await house.get(f"{BASE}{path}")).status == 413


@pytest.mark.parametrize("alias", ["", "0", "1a", "a b", "x" * 65, "é"])
async def test_an_alias_that_is_none(house: KeptHouse, alias: str) -> None:
    id = await create(house)
    answer = await send(house, "PUT", f"{BASE}/{id}/aliases?alias={alias}&version=0", {})
    assert (answer.status, answer.json()["param"]) == (422, "alias")


async def test_another_workspace_finds_nothing(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    id = await create(house)
    await send(house, "PUT", f"{BASE}/{id}/aliases?alias=stable&version=0", {})
    for wanted, who in ((id, BERT), ("ag_none", ANNA), ("%00", ANNA)):
        for answer in (
            await house.get(f"{BASE}/{wanted}", who),
            await house.get(f"{BASE}/{wanted}/versions", who),
            await house.get(f"{BASE}/{wanted}/versions/0", who),
            await house.get(f"{BASE}/{wanted}/aliases", who),
            await house.delete(f"{BASE}/{wanted}", who),
            await house.delete(f"{BASE}/{wanted}/aliases?alias=stable", who),
            await send(house, "PATCH", f"{BASE}/{wanted}", {"name": "mine"}, who),
            await send(house, "PATCH", f"{BASE}/{wanted}/version?version=0", {}, who),
            await send(house, "PUT", f"{BASE}/{wanted}/aliases?alias=mine&version=0", {}, who),
            await house.post("/v1/conversations", {"agent_id": wanted.replace("%00", "\0"), "inputs": "?"}, who),
        ):
            assert (answer.status, answer.json()["code"]) == (404, "not_found")
        handed = await house.post(BASE, made(handoffs=[wanted.replace("%00", "\0")]), who)
        assert (handed.status, handed.json()["param"]) == (422, "handoffs[0]")
    assert (await house.get(BASE, BERT)).json() == []
    assert (await house.get(f"{BASE}/{id}/aliases")).json()[0]["alias"] == "stable"
