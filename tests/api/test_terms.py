"""Limits, allowed models and prices: said over the API, and true at the next request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.api.client import Answer
from tests.api.house import CHAT, question
from tests.api.kept_house import ANNA, BERT, KeptHouse

LIMITS, MODELS, PRICES = "/v1/admin/limits", "/v1/admin/allowed-models", "/v1/admin/prices"


@pytest.fixture
def house(tmp_path: Path) -> KeptHouse:
    house = KeptHouse(tmp_path)
    house.acquaint()
    return house


async def put(house: KeptHouse, path: str, document: dict[str, Any]) -> Answer:
    return await house.client.post(path, document, ANNA, method="PUT")


async def test_a_limit_is_set_listed_and_removed(house: KeptHouse) -> None:
    limit = {"subject": "user:anna", "measure": "requests_per_month", "most": 0}
    assert (await put(house, LIMITS, limit)).json() == limit
    assert (await house.get(LIMITS)).json()["data"] == [limit]
    assert (await house.post(CHAT, question())).status == 429
    assert (await house.post(CHAT, question(), BERT)).status == 200
    await put(house, LIMITS, limit | {"most": None})
    assert (await house.get(LIMITS)).json()["data"] == []
    assert (await house.post(CHAT, question())).status == 200


async def test_the_organisations_limit_holds_everybody(house: KeptHouse) -> None:
    limit = {"subject": "organisation:default", "measure": "requests_per_month", "most": 1}
    assert (await put(house, LIMITS, limit)).json() == limit
    assert (await house.post(CHAT, question())).status == 200
    refusal = await house.post(CHAT, question(), BERT)
    assert (refusal.status, refusal.json()["param"]) == (429, "requests_per_month")
    assert "organisation" in refusal.json()["message"]
    assert int(refusal.headers["retry-after"]) > 0


async def test_a_workspace_may_use_the_models_that_it_is_allowed(house: KeptHouse) -> None:
    allowed = {"subject": "workspace:anna", "models": ["letters"]}
    assert (await put(house, MODELS, allowed)).json() == allowed
    assert (await house.get(MODELS)).json()["data"] == [allowed]
    refusal = await house.post(CHAT, question(model="alias"))
    assert (refusal.status, refusal.json()["code"], refusal.json()["param"]) == (403, "forbidden", "model")
    assert (await house.post("/v1/embeddings", {"model": "letters", "input": "abc"})).status == 200
    assert (await house.post(CHAT, question(), BERT)).status == 200
    await put(house, MODELS, allowed | {"models": []})
    assert (await house.post(CHAT, question())).status == 200


async def test_a_price_is_charged_from_its_day_on(house: KeptHouse) -> None:
    for since, euros in (("2026-01-01", "0.305"), ("2999-01-01", "99")):
        price = {"model": "fake", "kind": "output", "euros_per_million": euros, "since": since}
        assert (await put(house, PRICES, price)).json() == price
    assert len((await house.get(PRICES)).json()["data"]) == 2
    answer = await house.post(CHAT, question())
    receipt = (await house.get(f"/v1/receipts/{answer.headers['x-galerne-receipt']}")).json()
    assert receipt["price"]["euros"] == "0.000002745"  # 9 tokens


LIMIT = {"subject": "user:anna", "measure": "requests_per_month", "most": 1}
USE = {"subject": "user:anna", "models": ["a"]}
NOBODY = ("key:none", "user:none", "workspace:none", "organisation:none")
PRICE = {"model": "m", "kind": "output", "euros_per_million": "1"}


async def test_what_makes_no_sense_is_refused(house: KeptHouse) -> None:
    wrong = [
        *((LIMITS, LIMIT | {"subject": subject}) for subject in ("town", "user:", "planet:earth", "user:a\0")),
        *((LIMITS, LIMIT | {"most": most}) for most in (-1, 2**60, "1")),
        (LIMITS, LIMIT | {"measure": "requests_per_year"}),
        (LIMITS, {"subject": "user:anna", "measure": "requests_per_month"}),
        (MODELS, {"subject": "user:anna", "models": ["a", ""]}),
        *(
            (path, document | {"subject": nobody})
            for nobody in NOBODY
            for path, document in ((LIMITS, LIMIT), (MODELS, USE))
        ),
        *((PRICES, PRICE | {"euros_per_million": euros}) for euros in ("cheap", "1e99", "-1", "0.0001", "NaN")),
        (PRICES, PRICE | {"kind": "thought"}),
    ]
    for path, document in wrong:
        assert (await put(house, path, document)).status == 422, document
        assert (await house.get(path)).json()["data"] == []
