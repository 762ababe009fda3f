"""`/v1/usage`: who used how much, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

from tests.api.house import CHAT, question
from tests.api.kept_house import ANNA, BERT, KeptHouse

TODAY = datetime.now(UTC).date().isoformat()


async def used(tmp_path: Path) -> KeptHouse:
    house = KeptHouse(tmp_path)
    for who in (ANNA, ANNA, BERT):
        await house.post(CHAT, question(), who)
    await house.post("/v1/embeddings", {"model": "letters", "input": "abc"}, ANNA)
    return house


async def test_a_workspace_sees_its_own(tmp_path: Path) -> None:
    house = await used(tmp_path)
    answer = (await house.get("/v1/usage")).json()
    (day,) = answer["data"]
    assert (answer["by"], answer["until"], day["name"], day["requests"]) == ("day", TODAY, TODAY, 3)
    assert (day["input_tokens"], day["cached_tokens"], day["output_tokens"], day["embedding_tokens"]) == (6, 4, 18, 4)
    assert (day["euros"], day["joules"]) == ("0", 0)
    models = (await house.get("/v1/usage?by=model")).json()["data"]
    assert [(model["name"], model["requests"]) for model in models] == [("fake", 2), ("letters", 1)]
    assert (await house.get("/v1/usage?by=workspace")).status == 422


async def test_an_administrator_sees_all(tmp_path: Path) -> None:
    house = await used(tmp_path)
    answer = (await house.get("/v1/admin/usage?by=workspace")).json()
    assert [(each["name"], each["requests"]) for each in answer["data"]] == [("anna", 3), ("bert", 1)]
    users = (await house.get("/v1/admin/usage?by=user")).json()["data"]
    assert [(each["name"], each["requests"]) for each in users] == [("anna", 3), ("bert", 1)]
    keys = (await house.get("/v1/admin/usage?by=key")).json()["data"]
    assert [(each["name"], each["requests"]) for each in keys] == [(None, 4)]


async def test_the_table_is_the_same_in_csv(tmp_path: Path) -> None:
    house = await used(tmp_path)
    asked = await house.get("/v1/usage?by=model&format=csv")
    accepted = await house.client.get("/v1/usage?by=model", ANNA | {"accept": "text/csv"})
    assert asked.body == accepted.body
    assert asked.headers["content-type"].startswith("text/csv")
    fake, letters = csv.DictReader(io.StringIO(asked.body.decode()))
    assert (fake["model"], fake["output_tokens"], letters["embedding_tokens"]) == ("fake", "18", "4")


async def test_only_days_that_were_asked_for_count(tmp_path: Path) -> None:
    house = await used(tmp_path)
    assert (await house.get("/v1/usage?since=2020-01-01&until=2020-12-31")).json()["data"] == []
    assert (await house.get("/v1/usage?since=2020-01-02&until=2020-01-01")).json()["param"] == "until"
    for wrong in ("since=yesterday", "by=colour", "format=xml", "until=2020-13-01"):
        assert (await house.get(f"/v1/usage?{wrong}")).status == 422
