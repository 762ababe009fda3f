"""`galerne admin`: what an administrator types, and what comes of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.cli.administrator import done, run
from tests.store.ready import lay_out

from galerne import bootstrap
from galerne.errors import InvalidRequest, NotFound, SettingsError
from galerne.ledger.books import Closing
from galerne.ledger.prices import Cost, Kind
from galerne.ledger.usage import Reservation
from galerne.settings import Settings
from galerne.store.books import SqlBooks


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path)
    monkeypatch.setenv("GALERNE_DATA_DIR", str(tmp_path))


def test_a_key_is_printed_once_and_listed_without_itself() -> None:
    done("workspaces", "create", "town hall")
    secret = done("keys", "create", "intranet", "--workspace", "town hall", "--days", "30").strip()
    assert secret.startswith("gal-")
    (listed,) = json.loads(done("keys", "list", "--json"))
    assert (listed["name"], listed["workspace"], listed["revoked"]) == ("intranet", "town hall", None)
    assert secret not in done("keys", "list")
    done("keys", "revoke", listed["id"])
    assert json.loads(done("keys", "list", "--json"))[0]["revoked"] is not None
    assert isinstance(run("keys", "revoke", "key-none").exception, NotFound)


def test_limits_are_set_listed_and_removed() -> None:
    done("workspaces", "create", "town")
    done("limits", "set", "workspace:town", "tokens_per_month", "5000")
    (listed,) = json.loads(done("limits", "list", "--json"))
    assert listed == {"subject": "workspace:town", "measure": "tokens_per_month", "most": 5000}
    done("limits", "set", "workspace:town", "tokens_per_month")
    assert done("limits", "list") == "none\n"


def test_prices_are_exact() -> None:
    done("prices", "set", "m", "output", "0.305", "--since", "2026-01-01")
    (listed,) = json.loads(done("prices", "list", "--json"))
    assert listed == {"model": "m", "kind": "output", "since": "2026-01-01", "euros": 0.305}


def test_roles_and_settings_are_told_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALERNE_DATABASE", "postgresql://me:galerne-6b1f@localhost/books")
    assert {row["role"] for row in json.loads(done("roles", "--json"))} >= {"admin", "guest"}
    told = done("settings", "--json")
    database = next(row for row in json.loads(told) if row["name"] == "database")
    assert database["source"] == "environment"
    assert "6b1f" not in told


def test_usage_is_summed_and_exported() -> None:
    settings = Settings()
    database, _ = bootstrap.open_receipts(settings)
    books, now = SqlBooks(database, bootstrap.receipts_key(settings)), datetime.now(UTC)
    for number, workspace in enumerate(("hall", "town", "town")):
        answer = Reservation(
            f"a{number}", "o", workspace, None, None, "/v1/x", "m", 10, 5, 900, now, "j", number, "d", None, "e", "p"
        )
        books.reserve(answer)
        costs = [Cost(Kind.INPUT, 10, 0), Cost(Kind.OUTPUT, 5, 900)]
        used = answer.settled(now, costs, cpu_seconds=0.5, joules=2, reason="stop")
        books.close([Closing(answer, (used, {"id": answer.id}))])
    database.close()
    hall, town = json.loads(done("usage", "--by", "workspace", "--json"))
    assert (hall["workspace"], hall["requests"], town["requests"]) == ("hall", 1, 2)
    assert (town["input_tokens"], town["output_tokens"], town["euros"], town["joules"]) == (20, 10, "0.0000018", 4)
    lines = done("usage", "--csv").splitlines()
    assert lines[0].startswith("day,requests,input_tokens")
    assert lines[1].startswith(f"{now.date()},3,30,0,15")
    assert done("usage", "--since", "2020-01-01", "--until", "2020-01-31") == "none\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "create", "x", "--scope", "everything"),
        ("workspaces", "create", "../etc"),
        ("workspaces", "create", ""),
        ("users", "create", "anna", "Anna"),
        ("limits", "set", "town", "tokens_per_month", "5"),
        ("limits", "set", "planet:earth", "tokens_per_month", "5"),
        ("limits", "set", "workspace:nowhere", "tokens_per_month", "5"),
        ("limits", "set", "organisation:town", "tokens_per_month", "5"),
        ("limits", "models", "key:key-none", "m"),
        ("limits", "set", "key:k", "tokens_per_month", "99999999999999999999"),
        ("prices", "set", "m", "output", "cheap"),
        ("prices", "set", "m", "output", "0.0001"),
        ("prices", "set", "m", "output", "NaN"),
        ("prices", "set", "m", "output", "1e99"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...]) -> None:
    assert isinstance(run(*arguments).exception, InvalidRequest)


def test_the_first_start_gives_the_administrator_a_key_once() -> None:
    assert bootstrap.first_key(Settings()) is None  # everybody is let in
    keys = Settings(auth="keys")
    secret = bootstrap.first_key(keys)
    assert secret is not None
    assert bootstrap.first_key(keys) is None
    (listed,) = json.loads(done("keys", "list", "--json"))
    assert (listed["user"], listed["scopes"], listed["prefix"]) == ("local", None, secret[:10])
    done("keys", "revoke", listed["id"])
    assert bootstrap.first_key(keys) is None


def test_users_and_services_from_the_terminal() -> None:
    done("workspaces", "create", "hall", "--name", "Town hall")
    invited = done("users", "create", "anna@town.example", "Anna", "--workspace", "hall", "--role", "auditor")
    assert "auditor of the workspace hall" in invited
    assert "gas-" in invited
    done("services", "create", "intranet", "--role", "guest")
    anna, local = json.loads(done("users", "list", "--json"))
    assert (anna["email"], local["id"]) == ("anna@town.example", "local")
    (service,) = json.loads(done("services", "list", "--workspace", "default", "--json"))
    key = json.loads(done("keys", "create", "blue", "--user", service["id"], "--scope", "chat", "--json"))
    assert (key["user"], key["scopes"]) == (service["id"], ["chat"])
    rotated = json.loads(done("keys", "rotate", key["id"], "--hours", "1", "--json"))
    assert rotated["key"] != key["key"]
    assert "member" in done("users", "change", anna["id"], "--role", "member")
    assert "disabled" in done("users", "disable", anna["id"])
    assert "disabled" not in done("users", "enable", anna["id"])
    assert "gas-" in done("users", "invite", anna["id"])
    done("services", "delete", service["id"])
    assert done("services", "list") == "none\n"
    for wrong in (
        ("users", "change", "none"),
        ("users", "disable", service["id"]),
        ("keys", "create", "x", "--user", "y"),
    ):
        assert isinstance(run(*wrong).exception, NotFound)
    done("workspaces", "disable", "hall")
    assert json.loads(done("workspaces", "list", "--json"))[1]["disabled"]
    done("workspaces", "enable", "hall")
    done("workspaces", "rename", "hall", "City hall")
    assert done("workspaces", "organisation", "City of Nantes") == "City of Nantes\n"


def test_what_is_known_of_one_thing_is_shown() -> None:
    done("workspaces", "create", "hall", "--name", "Town hall")
    assert json.loads(done("workspaces", "show", "hall", "--json"))["name"] == "Town hall"
    assert "Local administrator" in done("users", "show", "local")
    done("services", "create", "intranet")
    (service,) = json.loads(done("services", "list", "--json"))
    assert json.loads(done("services", "show", service["id"], "--json")) == service
    done("keys", "create", "blue", "--user", service["id"])
    (key,) = json.loads(done("keys", "list", "--json"))
    assert json.loads(done("keys", "show", key["id"], "--json")) == key
    for wrong in (("workspaces", "nowhere"), ("users", service["id"]), ("services", "local"), ("keys", "key-none")):
        assert isinstance(run(wrong[0], "show", wrong[1]).exception, NotFound)


def test_customers_and_plans_are_shown() -> None:
    assert isinstance(run("invoices", "customer", "hall").exception, NotFound)
    done("invoices", "customer", "hall", "--name", "Mairie", "--address", "1 rue Haute / 35000 Rennes")
    assert "Mairie" in done("invoices", "customer", "hall")
    done("invoices", "plan", "hall", "Team", "--euros", "49.90", "--included", "5000", "--since", "2026-11")
    (plan,) = json.loads(done("invoices", "plans", "--json"))
    assert (plan["name"], plan["cents"], plan["included_tokens"], plan["since"]) == ("Team", 4990, 5000, "2026-11-01")
    assert isinstance(run("invoices", "show", "F2026-00001").exception, NotFound)


def test_a_server_for_others_wants_keys() -> None:
    database, _ = bootstrap.open_receipts(Settings())
    with pytest.raises(SettingsError, match="everybody who reaches"):
        bootstrap.open_callers(database, Settings(host="0.0.0.0", auth="none"))
    database.close()
