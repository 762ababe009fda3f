"""The audit log in a database: what is appended is found again, and is what was signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from galerne.ledger.audit import SERVER, Action, AuditFilter, Event, Party
from galerne.ledger.chain import faults
from galerne.ledger.signing import SigningKey
from galerne.store.audit import SqlAuditLog
from galerne.store.database import Database

KEY = SigningKey.generate()
START = datetime(2026, 11, 25, 15, 4, 30, tzinfo=UTC)
ANNA = Party("user", "user-anna", {"address": "192.0.2.7"})


class Clock:
    """A minute passes with each look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def log(database: Database) -> SqlAuditLog:
    log = SqlAuditLog(database, KEY, Clock())
    log.record(Event(Action.SERVER_STARTED, SERVER, details={"version": "1"}))
    log.record(Event(Action.KEY_MADE, ANNA, Party("key", "key-1"), workspace="town"))
    log.record(Event(Action.ROLE_CHANGED, Party("operator", "root"), ANNA, request="r-1", details={"role": "admin"}))
    log.record(Event(Action.KEY_REVOKED, Party("key", "key-2"), Party("key", "key-1"), workspace="hall"))
    return log


def found(log: SqlAuditLog, **which) -> list[str]:
    return [record["action"] for record in log.page(AuditFilter(**which), 10).records]


def test_records_are_chained_and_signed(log: SqlAuditLog) -> None:
    records = [json.loads(line) for line in log.lines()]
    assert [record["index"] for record in records] == [0, 1, 2, 3]
    assert list(faults(records, KEY.public, [log.head()])) == []
    assert records[2]["request"] == "r-1"
    assert records[2]["details"] == {"role": "admin"}


def test_nothing_of_a_person_can_be_read_in_the_log_but_by_those_who_have_the_key(log: SqlAuditLog) -> None:
    text = "".join(log.lines())
    assert [word for word in ("anna", "192.0.2.7", "root") if word in text] == []
    (made,) = log.page(AuditFilter(action="key.made"), 10).records
    assert made["actor"].items() >= {"kind": "user", "id": "user-anna", "address": "192.0.2.7"}.items()


def test_a_person_has_one_pseudonym(log: SqlAuditLog) -> None:
    _, made, changed, _ = map(json.loads, log.lines())
    assert made["actor"]["id"] == changed["object"]["id"] != changed["actor"]["id"]


@pytest.mark.parametrize(
    ("which", "actions"),
    [
        ({}, ["key.revoked", "role.changed", "key.made", "server.started"]),
        ({"actor": "user-anna"}, ["key.made"]),
        ({"object": "user-anna"}, ["role.changed"]),
        ({"actor": "key-2"}, ["key.revoked"]),
        ({"object": "key-1"}, ["key.revoked", "key.made"]),
        ({"action": "key"}, ["key.revoked", "key.made"]),
        ({"action": "key.made"}, ["key.made"]),
        ({"action": "ke"}, []),
        ({"action": "%"}, []),
        ({"workspace": "town"}, ["key.made"]),
        ({"since": START + timedelta(minutes=3)}, ["key.revoked", "role.changed"]),
        ({"until": START + timedelta(minutes=2)}, ["server.started"]),
        ({"actor": "nobody\0", "object": "x" * 500}, []),
    ],
)
def test_what_is_looked_for_is_found(log: SqlAuditLog, which: dict, actions: list[str]) -> None:
    assert found(log, **which) == actions


def test_pages_follow_each_other(log: SqlAuditLog) -> None:
    first = log.page(AuditFilter(), 3)
    second = log.page(AuditFilter(), 3, first.before)
    assert [record["index"] for record in first.records + second.records] == [3, 2, 1, 0]
    assert (first.before, second.before) == (1, None)


def test_what_nobody_expected_in_an_id_is_kept(log: SqlAuditLog) -> None:
    log.record(Event(Action.SESSION_REFUSED, Party("email", "a\0b" * 200), Party("model", "m\0" * 200)))
    (record,) = log.page(AuditFilter(action="session.refused"), 1).records
    assert (record["actor"]["id"], record["object"]["id"]) == ("a\0b" * 200, "m\0" * 200)
