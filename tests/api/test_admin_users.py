"""Workspaces, users, service accounts and their keys, as administrators see them; and what nobody may do by them."""

from __future__ import annotations

import pytest
from tests.api.client import Answer
from tests.api.identity_house import Holder, IdentityHouse, bearer
from tests.api.test_bodies import assert_refused

from galerne.identity.permissions import Role

USERS, SERVICES, WORKSPACES, KEYS = (
    f"/v1/admin/{what}" for what in ("users", "service-accounts", "workspaces", "keys")
)
ANNA = {"email": "Anna@Town.example", "name": "Anna Le Goff"}


@pytest.fixture
def admin(known: IdentityHouse) -> dict[str, str]:
    return known.holder(Role.ADMIN).headers


async def change(house: IdentityHouse, path: str, document: object, who: dict[str, str]) -> Answer:
    return await house.client.post(path, document, who, method="PATCH")


async def test_workspaces(known: IdentityHouse, admin: dict[str, str]) -> None:
    hall = (await known.post(WORKSPACES, {"id": "hall", "name": "Town hall"}, admin)).json()
    assert (await known.get(f"{WORKSPACES}/hall", admin)).json() == hall
    assert_refused(await known.post(WORKSPACES, {"id": "hall"}, admin), 409, "taken")
    assert_refused(await known.post(WORKSPACES, {"id": "../etc"}, admin), 422, "invalid_request", "id")
    assert_refused(await known.get(f"{WORKSPACES}/none", admin), 404, "not_found", "workspace")
    program = known.holder(workspace="hall")
    disabled = (await change(known, f"{WORKSPACES}/hall", {"disabled": True, "name": "Hall"}, admin)).json()
    assert disabled["disabled_at"]
    assert disabled["name"] == "Hall"
    refusal = await known.get("/v1/models", program.headers)
    assert "disabled" in assert_refused(refusal, 401, "not_authenticated", "authorization")
    assert (await change(known, f"{WORKSPACES}/hall", {"disabled": False}, admin)).json()["disabled_at"] is None
    assert (await known.get("/v1/models", program.headers)).status == 200
    listed = (await known.get(f"{WORKSPACES}?page_size=1&page=1", admin)).json()
    assert [each["id"] for each in listed["data"]] == ["hall"]
    assert (await change(known, f"{WORKSPACES}/default", {"disabled": True}, admin)).status == 422
    renamed = await change(known, "/v1/admin/organisation", {"name": "City of Nantes"}, admin)
    assert renamed.json() == {"id": "default", "name": "City of Nantes"}


async def test_people(known: IdentityHouse, admin: dict[str, str]) -> None:
    anna = (await known.post(USERS, ANNA, admin)).json()
    assert (anna["email"], anna["role"], anna["workspace"]) == ("anna@town.example", "member", "default")
    assert_refused(await known.post(USERS, ANNA, admin), 409, "taken")
    assert_refused(await known.post(USERS, ANNA | {"email": "anna"}, admin), 422, "invalid_request", "email")
    nowhere = await known.post(USERS, {"email": "b@c.example", "name": "B", "workspace": "none"}, admin)
    assert_refused(nowhere, 422, "invalid_request", "workspace")
    address = f"{USERS}/{anna['id']}"
    changed = (await change(known, address, {"role": "auditor", "name": "Anna"}, admin)).json()
    assert (changed["role"], changed["name"]) == ("auditor", "Anna")
    assert [user["id"] for user in (await known.get(USERS, admin)).json()["data"]] == [anna["id"], "local"]
    assert_refused(await known.get(f"{SERVICES}/{anna['id']}", admin), 404, "not_found", "user")
    assert (await known.delete(address, admin)).status == 204
    assert_refused(await known.get(address, admin), 404, "not_found", "user")


async def test_service_accounts_and_their_keys(known: IdentityHouse, admin: dict[str, str]) -> None:
    account = (await known.post(SERVICES, {"name": "intranet", "role": "guest"}, admin)).json()
    order = {"user": account["id"], "name": "blue", "scopes": ["chat"]}
    made = (await known.post(KEYS, order, admin)).json()
    assert (await known.get("/v1/users/me", bearer(made["key"]))).json()["permissions"] == ["chat", "chat:ask"]
    assert_refused(await known.post(KEYS, order | {"scopes": ["files"]}, admin), 403, "forbidden")
    assert_refused(await known.post(KEYS, order | {"user": "none"}, admin), 404, "not_found", "user")
    listed = (await known.get(f"{KEYS}?user={account['id']}", admin)).json()["data"]
    assert [key["id"] for key in listed] == [made["id"]]
    rotated = (await known.post(f"{KEYS}/{made['id']}/rotate", {}, admin)).json()
    assert (await known.delete(f"{SERVICES}/{account['id']}", admin)).status == 204
    assert (await known.get("/v1/models", bearer(rotated["key"]))).status == 401
    assert_refused(await known.get(f"{KEYS}/{made['id']}", admin), 404, "not_found", "key")


async def test_nobody_makes_or_changes_whoever_may_do_more(known: IdentityHouse) -> None:
    """An administrator's key with few scopes must not become one with all of them."""
    narrow = known.holder(Role.ADMIN, scopes=["users:read", "users:manage", "keys:manage", "models:read"])
    boss: Holder = known.holder(Role.ADMIN)
    ways = (
        await known.post(SERVICES, {"name": "x", "role": "admin"}, narrow.headers),
        await known.post(USERS, ANNA | {"role": "member"}, narrow.headers),
        await change(known, f"{SERVICES}/{narrow.user}", {"name": "x"}, narrow.headers),
        await change(known, f"{SERVICES}/{boss.user}", {"disabled": True}, narrow.headers),
        await known.delete(f"{SERVICES}/{boss.user}", narrow.headers),
        await known.post(f"{KEYS}/{boss.key}/rotate", {}, narrow.headers),
        await known.post(KEYS, {"user": boss.user, "name": "x", "scopes": ["chat"]}, narrow.headers),
    )
    for answer in ways:
        assert_refused(answer, 403, "forbidden")
    made = (await known.post(KEYS, {"user": boss.user, "name": "x"}, narrow.headers)).json()
    assert made["scopes"] == ["keys:manage", "models:read", "users:manage", "users:read"]


async def test_the_machines_own_administrator_stays(known: IdentityHouse, admin: dict[str, str]) -> None:
    local = f"{USERS}/local"
    for changes in ({"role": "guest"}, {"disabled": True}, {"workspace": "default"}):
        assert_refused(await change(known, local, changes, admin), 403, "forbidden")
    assert_refused(await known.delete(local, admin), 403, "forbidden")
    assert (await change(known, local, {"name": "Root"}, admin)).json()["name"] == "Root"


async def test_roles_are_listed(known: IdentityHouse, admin: dict[str, str]) -> None:
    roles = (await known.get("/v1/admin/roles", admin)).json()["data"]
    assert [role["id"] for role in roles] == [role.value for role in Role]


async def test_a_demoted_holder_takes_the_key_along(known: IdentityHouse, admin: dict[str, str]) -> None:
    program = known.holder(Role.ADMIN, scopes=["users:read", "chat"])
    assert (await known.get(USERS, program.headers)).status == 200
    await change(known, f"{SERVICES}/{program.user}", {"role": "guest"}, admin)
    assert_refused(await known.get(USERS, program.headers), 403, "forbidden")
