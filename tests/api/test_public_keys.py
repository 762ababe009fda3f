"""A key that stands in a web page: it asks and does nothing else, on pages of its origins alone, within its limits."""

from __future__ import annotations

import pytest
from tests.api.house import CHAT, question
from tests.api.identity_house import Holder, IdentityHouse, bearer
from tests.api.test_access import routes
from tests.api.test_bodies import assert_refused

from galerne.identity.permissions import Role

TALK = "/v1/conversations"
KEYS, MY_KEYS = "/v1/admin/keys", "/v1/users/me/keys"
TOWN = "https://www.town.example"


@pytest.fixture
def admin(known: IdentityHouse) -> Holder:
    return known.holder(Role.ADMIN)


async def bubble(known: IdentityHouse, admin: Holder, **fields: object) -> dict[str, str]:
    order = {"user": known.holder(Role.GUEST).user, "name": "bubble", "scopes": ["chat:ask"]} | fields
    made = (await known.post(KEYS, order, admin.headers)).json()
    return bearer(made["key"]) | {"x-key-id": made["id"]}


OPEN = {
    "GET /v1/shared/{token}",
    "GET /v1/sign-in",
    "POST /v1/sessions",
    "POST /v1/invitations",
    # It says whose it is; and it has no session.
    "GET /v1/whoami",
    "GET /v1/users/me",
    "GET /v1/users/me/organizations",
    "GET /v1/users/me/workspaces",
    "GET /v1/sessions/current",
    "DELETE /v1/sessions/current",
}
"""What takes no permission."""


async def test_it_reaches_no_address_but_those_that_answer(known: IdentityHouse, admin: Holder) -> None:
    key = await bubble(known, admin)
    assert (await known.post(CHAT, question(), key)).status == 200
    free = set()
    for method, path, access in routes(known.app):
        if not path.startswith("/v1/") or f"{method} {path}" in (f"POST {CHAT}", f"POST {TALK}"):
            continue
        if any(each.permission for each in access):
            answer = await known.client.get(path, key, method=method)
            assert answer.status == 403, (method, path)
        else:
            free.add(f"{method} {path}")
    assert free == OPEN


async def test_it_asks_a_saved_agent_and_nothing_of_that_is_kept(known: IdentityHouse, admin: Holder) -> None:
    key, maker = await bubble(known, admin), known.holder(Role.MEMBER)
    agent = (await known.post("/v1/agents", {"model": "fake", "name": "Town hall"}, maker.headers)).json()["id"]
    asked = {"agent_id": agent, "inputs": "Hello"}
    answer = await known.post(TALK, asked | {"store": False}, key)
    assert answer.json()["outputs"][0]["content"] == "Bonjour !"
    for kept in ({}, {"store": True}, {"store": None}):
        assert "chat" in assert_refused(await known.post(TALK, asked | kept, key), 403, "forbidden")
    assert (await known.get(TALK, maker.headers)).json() == []
    foreign = known.holder(Role.MEMBER, workspace="another").headers
    theirs = (await known.post("/v1/agents", {"model": "fake", "name": "B"}, foreign)).json()["id"]
    assert (await known.post(TALK, asked | {"agent_id": theirs, "store": False}, key)).status == 404


async def test_whoever_may_chat_may_ask(known: IdentityHouse) -> None:
    assert (await known.post(CHAT, question(), known.holder(scopes=["chat"]).headers)).status == 200


async def test_a_page_of_another_origin_is_refused(known: IdentityHouse, admin: Holder) -> None:
    key = await bubble(known, admin, origins=[TOWN, "http://127.0.0.1:8080"])
    for origin in (TOWN, "http://127.0.0.1:8080"):
        assert (await known.post(CHAT, question(), key | {"origin": origin})).status == 200
    assert (await known.post(CHAT, question(), key)).status == 200  # no browser sent it
    for origin in (
        "https://evil.example",
        "http://www.town.example",
        f"{TOWN}:444",
        f"{TOWN}.evil.example",
        "null",
        "",
    ):
        refusal = await known.post(CHAT, question(), key | {"origin": origin})
        assert TOWN in assert_refused(refusal, 403, "forbidden", "origin")
    elsewhere = await bubble(known, admin)
    assert (await known.post(CHAT, question(), elsewhere | {"origin": "https://evil.example"})).status == 200


async def test_the_origins_of_a_key_are_shown_and_inherited(known: IdentityHouse, admin: Holder) -> None:
    order = {"user": admin.user, "name": "bound", "origins": [TOWN]}
    made = (await known.post(KEYS, order, admin.headers)).json()
    assert made["origins"] == [TOWN]
    assert (await known.get(f"{KEYS}/{made['id']}", admin.headers)).json()["origins"] == [TOWN]
    bound = bearer(made["key"])
    assert (await known.post(MY_KEYS, {"name": "a"}, bound)).json()["origins"] == [TOWN]
    beyond = await known.post(MY_KEYS, {"name": "a", "origins": ["https://evil.example"]}, bound)
    assert_refused(beyond, 403, "forbidden", "origins")
    assert (await known.post(MY_KEYS, {"name": "a"}, admin.headers)).json()["origins"] is None
    rotated = (await known.post(f"{KEYS}/{made['id']}/rotate", {}, admin.headers)).json()
    assert rotated["origins"] == [TOWN]


@pytest.mark.parametrize(
    "origin", ["town.example", "https://town.example/", "https://Town.example", "*", "https://", ""]
)
async def test_what_no_browser_would_send_is_no_origin(known: IdentityHouse, admin: Holder, origin: str) -> None:
    order = {"user": admin.user, "name": "a", "origins": [origin]}
    assert_refused(await known.post(KEYS, order, admin.headers), 422, "invalid_request", "origins")


async def test_its_limits_hold(known: IdentityHouse, admin: Holder) -> None:
    key = await bubble(known, admin, origins=[TOWN])
    limit = {"subject": f"key:{key['x-key-id']}", "measure": "requests_per_month", "most": 1}
    await known.client.post("/v1/admin/limits", limit, admin.headers, method="PUT")
    page = key | {"origin": TOWN}
    assert (await known.post(CHAT, question(stream=True), page)).status == 200
    assert_refused(await known.post(CHAT, question(stream=True), page), 429, "quota_exceeded", "requests_per_month")
