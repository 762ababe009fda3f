"""Who asks, and the keys that they make for themselves."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from tests.api.identity_house import IdentityHouse, bearer
from tests.api.test_bodies import assert_refused

from galerne.identity.permissions import GRANTS, Permission, Role

MY_KEYS = "/v1/users/me/keys"


async def test_where_nobody_is_asked_everybody_is_the_local_administrator(tmp_path: Path) -> None:
    house = IdentityHouse(tmp_path, auth="auto")
    me = (await house.client.get("/v1/users/me")).json()
    assert (me["id"], me["role"], me["auth"], me["api_key"]) == ("local", "admin", "open", None)
    assert me["permissions"] == sorted(Permission)
    assert me["workspace"] == {"id": "default", "name": "default"}
    house.close()


async def test_a_program_is_told_who_it_is_and_what_it_may_do(known: IdentityHouse) -> None:
    program = known.holder(Role.GUEST, "hall", scopes=["chat", "models:read"])
    me = (await known.get("/v1/users/me", program.headers)).json()
    assert (me["id"], me["kind"], me["role"], me["auth"]) == (program.user, "service", "guest", "keys")
    assert me["permissions"] == ["chat", "chat:ask", "models:read"]
    assert me["api_key"] == {"id": program.key, "name": "a key"}
    assert_refused(await known.get("/v1/users/me", {}), 401, "not_authenticated", "authorization")


async def test_a_key_that_one_makes_is_shown_once_and_works(known: IdentityHouse) -> None:
    program = known.holder()
    made = (await known.post(MY_KEYS, {"name": "laptop"}, program.headers)).json()
    secret = made.pop("key")
    assert (await known.get("/v1/models", bearer(secret))).status == 200
    listed = (await known.get(MY_KEYS, program.headers)).json()["data"]
    assert listed[0] | {"last_used_at": None} == made
    assert [key["name"] for key in listed] == ["laptop", "a key"]
    assert secret not in str(listed)


async def test_a_key_may_do_no_more_than_whoever_makes_it(known: IdentityHouse) -> None:
    program = known.holder(scopes=["keys:own", "models:read"])
    beyond = await known.post(MY_KEYS, {"name": "more", "scopes": ["chat"]}, program.headers)
    assert "chat" in assert_refused(beyond, 403, "forbidden")
    made = (await known.post(MY_KEYS, {"name": "same"}, program.headers)).json()
    assert made["scopes"] == ["keys:own", "models:read"]
    fewer = (await known.post(MY_KEYS, {"name": "fewer", "scopes": ["models:read"]}, program.headers)).json()
    refusal = await known.get(MY_KEYS, bearer(fewer["key"]))
    assert "keys:own" in assert_refused(refusal, 403, "forbidden")
    whole = (await known.post(MY_KEYS, {"name": "whole"}, known.holder().headers)).json()
    assert whole["scopes"] is None
    wide = await known.post(f"{MY_KEYS}/{program.key}/rotate", {}, bearer(fewer["key"]))
    assert_refused(wide, 403, "forbidden")


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x", "scopes": ["everything"]}, "scopes[0]"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "expires_at": "2040-01-01T00:00:00"}, "expires_at"),
        ({"name": "x", "expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"name": "x", "workspace": "hall"}, "workspace"),
    ],
)
async def test_keys_that_cannot_be(known: IdentityHouse, fields: dict[str, object], where: str) -> None:
    answer = await known.post(MY_KEYS, fields, known.holder().headers)
    assert answer.status == 422
    assert answer.json()["param"] == where


async def test_a_key_that_is_rotated_and_revoked(known: IdentityHouse) -> None:
    program = known.holder()
    expires = datetime.now(timezone(timedelta(hours=9))) + timedelta(days=1)  # kept in UTC, whatever zone is said
    made = (await known.post(MY_KEYS, {"name": "laptop", "expires_at": expires.isoformat()}, program.headers)).json()
    assert datetime.fromisoformat(made["expires_at"]) == expires
    address = f"{MY_KEYS}/{made['id']}"
    rotated = (await known.post(f"{address}/rotate", {"overlap_seconds": 60}, program.headers)).json()
    assert rotated["id"] == made["id"]
    assert rotated["expires_at"] == made["expires_at"]
    for secret in (made["key"], rotated["key"]):
        assert (await known.get("/v1/models", bearer(secret))).status == 200
    at_once = (await known.post(f"{address}/rotate", {"overlap_seconds": 0}, program.headers)).json()
    assert (await known.get("/v1/models", bearer(rotated["key"]))).status == 401
    assert (await known.delete(address, program.headers)).json()["revoked_at"]
    assert (await known.get("/v1/models", bearer(at_once["key"]))).status == 401
    assert_refused(await known.post(f"{address}/rotate", {}, program.headers), 422, "invalid_request", "key")


async def test_the_keys_of_others_are_not_there(known: IdentityHouse) -> None:
    anna, bert = known.holder(), known.holder()
    for method, path in (("DELETE", f"{MY_KEYS}/{bert.key}"), ("POST", f"{MY_KEYS}/{bert.key}/rotate")):
        answer = await known.client.post(path, {}, anna.headers, method=method)
        assert_refused(answer, 404, "not_found", "key")
    assert (await known.get("/v1/models", bert.headers)).status == 200


def test_every_role_is_a_row_of_the_table() -> None:
    everybody = {Permission.MODELS, Permission.KEYS_OWN, Permission.USAGE_OWN, Permission.ACCOUNT_OWN}
    assert GRANTS[Role.ADMIN] == set(Permission)
    assert all(everybody <= GRANTS[role] for role in Role)
    managing = {each for each in Permission if each.endswith(":manage")} | {Permission.KEYS, Permission.USERS}
    assert GRANTS[Role.AUDITOR] & managing == set()
    assert GRANTS[Role.MEMBER] & managing == {Permission.AGENTS}
    assert GRANTS[Role.GUEST] < GRANTS[Role.MEMBER]
    assert GRANTS[Role.BILLING] & managing == {Permission.BILLING}
    assert Permission.CHAT not in GRANTS[Role.AUDITOR] | GRANTS[Role.BILLING]
