"""`galerne admin health` and `models`: the running server is asked, by whoever may use this machine's database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.identity_house import IdentityHouse
from tests.cli.administrator import done, run
from tests.contract.server import serving
from typer.testing import CliRunner

from galerne.cli import app
from galerne.errors import InvalidRequest, SettingsError, Unavailable

ABSENT = "smollm2-360m-instruct"
"""A model of the catalogue that is not on this machine."""


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    house = IdentityHouse(tmp_path / "data")
    monkeypatch.setenv("GALERNE_DATA_DIR", str(tmp_path / "data"))
    with serving(house.app) as url:
        yield url.rpartition(":")[2]
    house.close()


def test_it_tells_how_it_is(port: str) -> None:
    told = json.loads(done("health", "--port", port, "--json"))
    assert (told["database"], [engine["model"] for engine in told["engines"]]) == ("sqlite", ["fake"])
    assert "disk_free" in done("health", "--port", port)


def test_what_it_refuses_is_told(port: str) -> None:
    states = {each["name"]: each["state"] for each in json.loads(done("models", "list", "--port", port, "--json"))}
    assert states[ABSENT] == "absent"
    assert ABSENT in done("models", "list", "--port", port)
    for name in ("no-such", ABSENT):
        refused = run("models", "load", name, "--port", port).exception
        assert isinstance(refused, InvalidRequest)
        assert name in str(refused)
    assert done("models", "unload", ABSENT, "--port", port) == f"{ABSENT}: absent\n"


def test_the_session_is_over_when_the_command_is(port: str) -> None:
    done("health", "--port", port)
    ended, begun = json.loads(CliRunner().invoke(app, ["audit", "show", "--action", "session", "--json"]).stdout)
    assert (ended["action"], begun["action"], begun["details"]) == (
        "session.ended",
        "session.begun",
        {"way": "terminal"},
    )
    assert ended["object"] == begun["object"]


def test_a_server_of_another_database_is_not_ours(port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALERNE_DATA_DIR", str(tmp_path / "another"))
    refused = run("health", "--port", port).exception
    assert isinstance(refused, SettingsError)
    assert "another database" in str(refused)


def test_where_nobody_listens(port: str) -> None:
    assert port != "1"
    assert isinstance(run("health", "--port", "1").exception, Unavailable)
