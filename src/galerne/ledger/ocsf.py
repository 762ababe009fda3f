"""Audit records as events of the Open Cybersecurity Schema Framework, which log collectors understand.

Classes, activities and required attributes are those of OCSF 1.6.0 (https://schema.ocsf.io/1.6.0/classes). What has no
class of its own is an API Activity. The whole record is beside it, unmapped.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from galerne.ledger.audit import Action, Result

VERSION = "1.6.0"

ACCOUNT_CHANGE, AUTHENTICATION, ENTITY, USER_ACCESS = 3001, 3002, 3004, 3005
LIFECYCLE, API = 6002, 6003

CREATE, READ, UPDATE, DELETE, OTHER = 1, 2, 3, 4, 99
"""The activities of `ENTITY` and `API`; all classes have the last one."""

_ACTIVITIES: Mapping[Action, tuple[int, int]] = {
    Action.SESSION_BEGUN: (AUTHENTICATION, 1),  # logon
    Action.SESSION_REFUSED: (AUTHENTICATION, 1),
    Action.KEY_REFUSED: (AUTHENTICATION, 1),
    Action.SESSION_ENDED: (AUTHENTICATION, 2),  # logoff
    Action.USER_MADE: (ACCOUNT_CHANGE, 1),
    Action.USER_ENABLED: (ACCOUNT_CHANGE, 2),
    Action.PASSWORD_CHANGED: (ACCOUNT_CHANGE, 3),
    Action.USER_DISABLED: (ACCOUNT_CHANGE, 5),
    Action.USER_REMOVED: (ACCOUNT_CHANGE, 6),
    Action.USER_ERASED: (ACCOUNT_CHANGE, 6),
    Action.ROLE_CHANGED: (USER_ACCESS, 1),  # privileges assigned
    Action.SERVER_STARTED: (LIFECYCLE, 3),
    Action.SERVER_STOPPED: (LIFECYCLE, 4),
    Action.MODEL_LOADED: (LIFECYCLE, 3),
    Action.MODEL_UNLOADED: (LIFECYCLE, 4),
    Action.MODEL_PULLED: (LIFECYCLE, 1),  # install
    Action.MODEL_REMOVED: (LIFECYCLE, 2),
}

_ENTITIES = frozenset({"key", "workspace", "limit", "price", "settings", "subscription"})

_VERBS = {
    "made": CREATE,
    "kept": CREATE,
    "issued": CREATE,
    "given": CREATE,
    "read": READ,
    "exported": READ,
    "changed": UPDATE,
    "rotated": UPDATE,
    "shared": UPDATE,
    "denied": READ,
    "revoked": DELETE,
    "deleted": DELETE,
    "removed": DELETE,
    "pruned": DELETE,
}

_SUCCESS, _FAILURE = 1, 2
_INFORMATIONAL, _LOW = 1, 2


def activity_of(action: Action) -> tuple[int, int]:
    """The class of an action's events, and their activity in it."""
    if action in _ACTIVITIES:
        return _ACTIVITIES[action]
    noun, _, verb = action.value.partition(".")
    if noun == "user":
        return ACCOUNT_CHANGE, OTHER
    return (ENTITY if noun in _ENTITIES else API), _VERBS.get(verb, OTHER)


def ocsf_event(record: Mapping[str, Any]) -> dict[str, Any]:
    """The event of a record; people are named in it as far as they are in the record."""
    action = Action(record["action"])
    kind, activity = activity_of(action)
    done = record["result"] == Result.DONE.value and action not in _REFUSALS
    return {
        "category_uid": kind // 1000,
        "class_uid": kind,
        "activity_id": activity,
        "type_uid": kind * 100 + activity,
        "time": round(datetime.fromisoformat(record["time"]).timestamp() * 1000),
        "severity_id": _INFORMATIONAL if done else _LOW,
        "status_id": _SUCCESS if done else _FAILURE,
        "message": action.value,
        "metadata": {
            "version": VERSION,
            "product": {"name": "Galerne", "vendor_name": "Galerne"},
            "uid": f"{record['index']}",
            "event_code": action.value,
            "correlation_uid": record["request"] or f"record-{record['index']}",
        },
        "actor": {"user": _user(record["actor"])},
        "src_endpoint": _endpoint(record["actor"]),
        **_subject(kind, action, record),
        "unmapped": dict(record),
    }


_REFUSALS = frozenset({Action.SESSION_REFUSED, Action.KEY_REFUSED, Action.ACCESS_DENIED})


def _subject(kind: int, action: Action, record: Mapping[str, Any]) -> dict[str, Any]:
    """What the class requires beside that, of what was acted on."""
    thing = record["object"] or {"kind": "none", "id": None}
    match kind:
        case 3002:  # AUTHENTICATION
            return {"user": _user(record["actor"]), "service": {"name": "Galerne"}}
        case 3001:  # ACCOUNT_CHANGE
            return {"user": _user(thing)}
        case 3005:  # USER_ACCESS
            role = str(record["details"].get("role", "unknown"))
            return {"user": _user(thing), "privileges": [role]}
        case 3004:  # ENTITY
            return {"entity": {"type": thing["kind"], "uid": str(thing["id"])}}
        case 6002:  # LIFECYCLE
            return {"app": {"name": str(thing["id"] or "Galerne"), "vendor_name": "Galerne"}}
        case _:
            resources = [{"type": thing["kind"], "uid": str(thing["id"])}]
            return {"api": {"operation": action.value}, "resources": resources}


def _user(party: Mapping[str, Any]) -> dict[str, Any]:
    known = {"uid": str(party["id"] or party["kind"]), "type": party["kind"]}
    return {**known, "email_addr": party["email"]} if "email" in party else known


def _endpoint(party: Mapping[str, Any]) -> dict[str, Any]:
    """OCSF wants an address or a name."""
    address = party.get("address", "unknown")
    try:
        return {"ip": str(ip_address(address))}
    except ValueError:
        return {"name": address}
