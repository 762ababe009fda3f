"""What an administrator sees of the installation, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.api.client import events_of
from tests.api.guest import Guest
from tests.api.house import CHAT, question
from tests.api.kept_house import KeptHouse
from tests.api.test_bodies import assert_refused
from tests.flows.fakes import ScriptedEngine
from tests.weights.test_catalogue import VALID, catalogue
from tests.weights.test_pull import CONTENT

from galerne import __version__
from galerne.flows.installation import Installation
from galerne.flows.served import ServedModels
from galerne.identity.caller import Caller, Everyone
from galerne.identity.permissions import Role, permissions_of
from galerne.settings import Settings


class Members(Everyone):
    """Everybody is a member."""

    open_door = False

    async def identify(self, credential: str | None) -> Caller:  # noqa: ARG002
        return Caller("team", user="anna", permissions=permissions_of(Role.MEMBER))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptHouse]:
    folder = tmp_path_factory.mktemp("house")
    (folder / "mine.gguf").write_bytes(CONTENT)
    here = VALID | {"source": f"file:{folder / 'mine.gguf'}"}
    own = catalogue(folder, here, here | {"name": "bad", "sha256": "0" * 64})
    folders = {"models_dir": folder / "models", "catalogue": own}
    house = KeptHouse(folder, callers=Everyone(), **folders, max_chat_shares=7)
    yield house
    house.database.close()


async def test_settings_are_told_with_their_source(house: KeptHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALERNE_MAX_CHAT_SHARES", "7")
    told = (await Guest(house).get("/v1/admin/settings")).json()["data"]
    assert [setting["name"] for setting in told] == list(Settings.model_fields)
    named = {setting["name"]: setting for setting in told}
    assert (named["max_chat_shares"]["value"], named["max_chat_shares"]["source"]) == (7, "environment")
    assert (named["port"]["value"], named["port"]["source"]) == (8000, "default")
    assert named["data_dir"]["source"] == "command line"
    assert named["max_chat_shares"]["description"] == "Links to one chat."


def test_the_databases_password_is_not_told() -> None:
    settings = Settings(database="postgresql://galerne:p@ss:w/rd@host:5432/galerne")
    told = {setting.name: setting.value for setting in Installation(ServedModels([], {}), settings).settings()}
    assert told["database"] == "postgresql://galerne:***@host:5432/galerne"


async def test_health(house: KeptHouse) -> None:
    health = (await Guest(house).get("/v1/admin/health")).json()
    assert (health["version"], health["database"]) == (__version__, "sqlite")
    assert 0 < health["disk"]["free"] <= health["disk"]["total"]
    assert 0 < health["memory_used"] < health["memory"]
    assert health["engines"] == [{"model": "fake", "ready": True, "statistics": {"running": 0.0}}]


async def test_the_catalogue(house: KeptHouse) -> None:
    models = {model["name"]: model for model in (await Guest(house).get("/v1/admin/models")).json()["data"]}
    small = models["smollm2-135m-instruct"]
    assert (small["state"], small["licence"], small["fits"]) == ("absent", "Apache-2.0", True)
    assert "gpt-4o" in small["aliases"]
    assert any(not model["fits"] for model in models.values())


async def test_a_model_is_pulled_and_its_progress_told(house: KeptHouse) -> None:
    admin = Guest(house)
    (listed,) = [each for each in (await admin.get("/v1/admin/models")).json()["data"] if each["name"] == "tiny"]
    *progress, ended = events_of(await admin.post("/v1/admin/models/tiny/pull", {}))
    assert listed["state"] == "absent"
    assert {event["type"] for event in progress} == {"pull.progress"}
    assert ended == {"type": "pull.ended", "model": "tiny"}
    (listed,) = [each for each in (await admin.get("/v1/admin/models")).json()["data"] if each["name"] == "tiny"]
    assert (listed["state"], listed["size"]) == ("here", len(CONTENT))
    *_, failed = events_of(await admin.post("/v1/admin/models/bad/pull", {}))
    assert (failed["type"], failed["failure"]["code"]) == ("pull.failed", "digest_mismatch")
    assert_refused(await admin.post("/v1/admin/models/nobody/pull", {}), 404, "model_not_found", "nobody")


async def test_a_model_is_loaded_and_unloaded(house: KeptHouse) -> None:
    admin, engine = Guest(house), ScriptedEngine()
    house.engines["tiny"] = engine
    events_of(await admin.post("/v1/admin/models/tiny/pull", {}))
    refusal = await admin.post(CHAT, question(model="tiny"))
    assert_refused(refusal, 404, "model_not_loaded", "model")
    loaded = await admin.post("/v1/admin/models/tiny/load", {})
    assert (loaded.status, loaded.json()["state"], loaded.json()["open_requests"]) == (202, "loading", 0)
    engine.get_ready()
    answer = (await admin.post(CHAT, question(model="tiny"))).json()
    assert (answer["model"], answer["choices"][0]["message"]["content"]) == ("tiny", "Bonjour !")
    assert [model["id"] for model in (await admin.get("/v1/models")).json()["data"]] == ["fake", "tiny", "letters"]
    (listed,) = [each for each in (await admin.get("/v1/admin/models")).json()["data"] if each["name"] == "tiny"]
    assert (listed["state"], listed["resident"], listed["failure"]) == ("ready", 1000, None)
    unloaded = await admin.post("/v1/admin/models/tiny/unload", {})
    assert unloaded.status == 202
    assert unloaded.json()["state"] in ("unloading", "here")  # nobody is being answered
    assert_refused(await admin.post(CHAT, question(model="tiny")), 404, "model_not_loaded", "model")
    for change in ("load", "unload"):
        assert_refused(await admin.post(f"/v1/admin/models/nobody/{change}", {}), 404, "model_not_found", "nobody")
    missing = await admin.post("/v1/admin/models/smollm2-135m-instruct/load", {})
    assert_refused(missing, 404, "model_not_found", "smollm2-135m-instruct")


async def test_nobody_else_sees_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    house = KeptHouse(tmp_path_factory.mktemp("members"), callers=Members())
    for address in ("settings", "health", "models"):
        assert (await Guest(house).get(f"/v1/admin/{address}")).status == 403
    for change in ("pull", "load", "unload"):
        assert (await Guest(house).post(f"/v1/admin/models/tiny/{change}", {})).status == 403
    house.database.close()
