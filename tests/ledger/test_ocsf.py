"""Events of OCSF: every action has a class, and every class what it requires."""

from __future__ import annotations

import pytest

from galerne.ledger.audit import Action
from galerne.ledger.ocsf import activity_of, ocsf_event

REQUIRED = {
    3001: {"user"},
    3002: {"user", "service"},
    3004: {"entity"},
    3005: {"user", "privileges"},
    6002: {"app"},
    6003: {"actor", "api", "src_endpoint"},
}
"""Beside what all have; from the schema's classes, version 1.6.0 (3002: one of service and dst_endpoint)."""

ALL = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}


def record(action: Action, **fields) -> dict:
    return {
        "kind": "event",
        "index": 7,
        "time": "2026-11-25T15:04:30.500+00:00",
        "action": action.value,
        "result": "done",
        "actor": {"kind": "user", "id": "user-1", "address": "192.0.2.7"},
        "object": None,
        "workspace": None,
        "request": None,
        "details": {},
    } | fields


@pytest.mark.parametrize("action", Action)
def test_every_action_is_an_event_with_all_that_its_class_requires(action: Action) -> None:
    event = ocsf_event(record(action))
    assert ALL | REQUIRED[event["class_uid"]] <= set(event)
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["category_uid"] == event["class_uid"] // 1000
    assert event["time"] == 1_795_619_070_500


@pytest.mark.parametrize(
    ("action", "kind", "activity"),
    [
        (Action.SESSION_BEGUN, 3002, 1),
        (Action.USER_DISABLED, 3001, 5),
        (Action.ROLE_CHANGED, 3005, 1),
        (Action.KEY_REVOKED, 3004, 4),
        (Action.FILE_READ, 6003, 2),
        (Action.ANSWER_GIVEN, 6003, 1),
        (Action.SERVER_STOPPED, 6002, 4),
    ],
)
def test_known_actions_are_what_collectors_look_for(action: Action, kind: int, activity: int) -> None:
    assert activity_of(action) == (kind, activity)


def test_a_refused_sign_in_is_a_failure() -> None:
    assert ocsf_event(record(Action.SESSION_REFUSED))["status_id"] == 2
    assert ocsf_event(record(Action.SESSION_BEGUN))["status_id"] == 1


def test_where_somebody_was_is_an_address_or_a_name() -> None:
    assert ocsf_event(record(Action.FILE_READ))["src_endpoint"] == {"ip": "192.0.2.7"}
    there = record(Action.FILE_READ, actor={"kind": "user", "id": "local", "address": "the terminal of root"})
    assert ocsf_event(there)["src_endpoint"] == {"name": "the terminal of root"}
