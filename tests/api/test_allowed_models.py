"""Who may use some models alone sees these alone, and does not learn whether there are others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.api.client import Answer
from tests.api.house import CHAT, question
from tests.api.kept_house import ANNA, BERT, KeptHouse

AGENT = {"name": "a", "instructions": "b"}
MESSAGES = question()["messages"]

ASKING: list[tuple[str, dict[str, Any]]] = [
    (CHAT, question()),
    ("/v1/completions", {"prompt": "a"}),
    ("/v1/fim/completions", {"prompt": "a"}),
    ("/v1/embeddings", {"input": "a"}),
    ("/v1/tokenize", {"prompt": "a"}),
    ("/v1/detokenize", {"tokens": [1]}),
    ("/v1/agents", AGENT),
    ("/v1/conversations", {"inputs": "a"}),
    ("/v1/responses", {"input": "a"}),
    ("/v1/responses/input_tokens", {"input": "a"}),
    ("/v1/batch/jobs", {"endpoint": CHAT, "requests": [{"body": {"messages": MESSAGES}}]}),
]


@pytest.fixture
async def house(tmp_path: Path) -> KeptHouse:
    house = KeptHouse(tmp_path)
    house.acquaint()
    await allow(house, "workspace:anna", ["letters"])
    return house


async def allow(house: KeptHouse, subject: str, models: list[str]) -> None:
    told = {"subject": subject, "models": models}
    assert (await house.client.post("/v1/admin/allowed-models", told, ANNA, method="PUT")).status == 200


async def names(house: KeptHouse, who: dict[str, str] = ANNA) -> list[str]:
    return [card["id"] for card in (await house.get("/v1/models", who)).json()["data"]]


def without(answer: Answer, name: str) -> str:
    """What it says, but for the name and the request's id."""
    body = answer.json()
    return str({**body, "request_id": ""}).replace(name, "NAME")


async def test_a_list_has_what_one_may_use(house: KeptHouse) -> None:
    assert await names(house) == ["letters"]
    assert await names(house, BERT) == ["fake", "letters"]
    assert (await house.get("/v1/models/mistral-embed")).json()["id"] == "letters"
    await allow(house, "user:anna", ["fake"])
    assert await names(house) == []
    for subject in ("user:anna", "workspace:anna"):
        await allow(house, subject, [])
    assert await names(house) == ["fake", "letters"]


async def test_a_card_of_another_model_looks_like_one_of_none(house: KeptHouse) -> None:
    answers = {name: await house.get(f"/v1/models/{name}") for name in ("fake", "alias", "no-such-model")}
    assert {answer.status for answer in answers.values()} == {403}
    assert len({without(answer, name) for name, answer in answers.items()}) == 1
    assert "You may use letters." in answers["fake"].json()["message"]
    assert (await house.get("/v1/models/no-such-model", BERT)).status == 404


@pytest.mark.parametrize(("path", "fields"), ASKING, ids=[path for path, _ in ASKING])
async def test_nothing_tells_another_model_from_none(house: KeptHouse, path: str, fields: dict[str, Any]) -> None:
    other, none = [await house.post(path, fields | {"model": name}) for name in ("alias", "no-such-model")]
    assert (other.status, other.json()["code"], other.json()["param"]) == (403, "forbidden", "model")
    assert without(other, "alias") == without(none, "no-such-model")
