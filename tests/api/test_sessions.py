"""People sign in with a password, and stay so for a while; what keeps others out."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
from argon2 import PasswordHasher
from tests.api.client import Answer
from tests.api.identity_house import IdentityHouse
from tests.api.test_bodies import assert_refused

from galerne.identity.caller import LOCAL_ADMIN
from galerne.identity.permissions import Role

PASSWORD, ANNA = "a long password", "anna@town.example"
SESSIONS, CURRENT = "/v1/sessions", "/v1/sessions/current"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("galerne.identity.passwords.PasswordHasher", partial(PasswordHasher, 1, 8, 1))


@pytest.fixture
def anna(known: IdentityHouse) -> str:
    """Her id."""
    return invited(known, ANNA)


def invited(house: IdentityHouse, email: str) -> str:
    user = house.identity.users.create_person(email, "Anna Le Goff", "default", Role.MEMBER, LOCAL_ADMIN)
    token, _ = house.identity.sign_in.invite(user.id, LOCAL_ADMIN)
    house.identity.sign_in.accept(token, PASSWORD, origin())
    return user.id


def origin() -> Any:
    from galerne.flows.sign_in import Origin

    return Origin("127.0.0.1", None, None)


async def sign_in(house: IdentityHouse, email: str = ANNA, password: str = PASSWORD) -> Answer:
    return await house.post(SESSIONS, {"email": email, "password": password}, {"host": "127.0.0.1:8000"})


def browser(answer: Answer) -> dict[str, str]:
    """What a browser sends from then on, from one of our own pages."""
    return cookie(answer) | {"x-csrf-token": answer.json()["csrf_token"]}


def cookie(answer: Answer) -> dict[str, str]:
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


async def test_somebody_signs_in_looks_around_and_signs_out(known: IdentityHouse, anna: str) -> None:
    answer = await sign_in(known, "Anna@Town.example")
    body = answer.json()
    assert (body["id"], body["name"], body["role"], body["auth"]) == (anna, "Anna Le Goff", "member", "keys")
    assert re.fullmatch(
        r"galerne_session=gas-[\w-]{43}; HttpOnly; Max-Age=604800; Path=/; SameSite=lax", answer.headers["set-cookie"]
    )
    who = browser(answer)
    assert (await known.get(CURRENT, who)).json() == body
    assert (await known.get("/v1/users/me", who)).json()["id"] == anna
    (session,) = [s for s in (await known.get("/v1/users/me/sessions", who)).json()["data"] if s["current"]]
    assert session["address"] == "127.0.0.1"
    assert (await known.delete(CURRENT, who)).status == 204
    assert_refused(await known.get(CURRENT, who), 401, "not_authenticated", "authorization")


@pytest.mark.parametrize(("scheme", "host", "secure"), [("http", "town.example", True), ("https", "127.0.0.1", True)])
async def test_the_cookie_goes_over_tls_alone_but_on_this_machine(
    known: IdentityHouse, anna: str, scheme: str, host: str, secure: bool
) -> None:
    assert anna
    app = known.client._app

    async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"scheme": scheme}, receive, send)

    known.client._app = elsewhere
    answer = await known.post(SESSIONS, {"email": ANNA, "password": PASSWORD}, {"host": host})
    assert ("Secure" in answer.headers["set-cookie"]) == secure


WRONG = [(ANNA, "wrong password"), ("nobody@town.example", PASSWORD), (ANNA, ""), (ANNA, "x\0" * 512)]


@pytest.mark.parametrize(("email", "password"), WRONG)
async def test_whoever_is_refused_learns_nothing(known: IdentityHouse, anna: str, email: str, password: str) -> None:
    assert anna
    refusal = await sign_in(known, email, password)
    assert_refused(refusal, 401, "not_authenticated", "password")
    assert refusal.json()["message"] == (await sign_in(known, ANNA, "also wrong")).json()["message"]
    assert "set-cookie" not in refusal.headers


async def test_a_service_account_and_whoever_is_disabled_cannot_sign_in(known: IdentityHouse, anna: str) -> None:
    admin, session = known.holder(Role.ADMIN).headers, browser(await sign_in(known))
    await known.client.post(f"/v1/admin/users/{anna}", {"disabled": True}, admin, method="PATCH")
    assert (await sign_in(known)).status == 401
    assert (await known.get(CURRENT, session)).status == 401


async def test_tries_are_counted_by_account_and_by_address(known: IdentityHouse, anna: str) -> None:
    assert anna
    for _ in range(10):
        assert (await sign_in(known, password="wrong")).status == 401
    refusal = await sign_in(known)  # the right password, too late
    assert_refused(refusal, 429, "too_many_tries")
    assert 0 < int(refusal.headers["retry-after"]) <= 900
    other = await sign_in(known, "bert@town.example")  # somebody else, from the same address
    assert_refused(other, 429, "too_many_tries")


async def test_right_passwords_use_no_tries_up(known: IdentityHouse, anna: str) -> None:
    assert anna
    for _ in range(3):
        for _ in range(3):
            await sign_in(known, password="wrong")
        assert (await sign_in(known)).status == 200
    assert (await sign_in(known)).status == 200


@pytest.mark.parametrize("shown", [{}, {"x-csrf-token": "0" * 64}, {"x-csrf-token": "é"}])
async def test_another_site_cannot_use_the_cookie(known: IdentityHouse, anna: str, shown: dict[str, str]) -> None:
    assert anna
    answer = await sign_in(known)
    who = cookie(answer)
    refusal = await known.post("/v1/users/me/keys", {"name": "x"}, who | shown)
    assert_refused(refusal, 403, "forbidden", "x-csrf-token")
    assert (await known.get("/v1/users/me", who)).status == 200
    assert (await known.delete(CURRENT, who)).status == 403
    assert (await known.post("/v1/users/me/keys", {"name": "x"}, browser(answer))).status == 200


async def test_the_token_of_another_session_does_not_count(known: IdentityHouse, anna: str) -> None:
    assert anna
    one, other = await sign_in(known), await sign_in(known)
    mixed = cookie(one) | {"x-csrf-token": other.json()["csrf_token"]}
    assert (await known.post("/v1/users/me/keys", {"name": "x"}, mixed)).status == 403


async def test_where_nobody_is_asked_another_site_may_not_act_either(tmp_path: Any) -> None:
    house = IdentityHouse(tmp_path, auth="auto")
    for site, status in (("cross-site", 403), ("same-origin", 200), ("none", 200)):
        assert (await house.upload(who={"sec-fetch-site": site})).status == status
    assert (await house.get("/v1/models", {"sec-fetch-site": "cross-site"})).status == 200
    house.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("galerne.localhost", 200),
        ("evil.example:8000", 403),
        ("localhost.evil.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
async def test_where_nobody_is_asked_a_name_that_was_made_to_point_here_is_refused(
    tmp_path: Any, host: str, status: int
) -> None:
    house = IdentityHouse(tmp_path, auth="auto")
    assert (await house.get("/v1/users/me", {"host": host})).status == status
    house.close()


async def test_a_changed_password_ends_the_other_sessions(known: IdentityHouse, anna: str) -> None:
    assert anna
    here, there = browser(await sign_in(known)), browser(await sign_in(known))
    address = "/v1/users/me/password"

    async def change(old: str, new: str) -> Answer:
        document = {"current_password": old, "new_password": new}
        return await known.client.post(address, document, here, method="PUT")

    assert_refused(await change("wrong", "another password"), 422, "invalid_request", "current_password")
    assert_refused(await change(PASSWORD, "short"), 422, "invalid_request", "password")
    assert_refused(await change(PASSWORD, "anna le goff"), 422, "invalid_request", "password")
    assert (await change(PASSWORD, "another password")).status == 204
    assert (await known.get(CURRENT, here)).status == 200
    assert (await known.get(CURRENT, there)).status == 401
    assert (await sign_in(known)).status == 401
    assert (await sign_in(known, password="another password")).status == 200


async def test_an_invitation_counts_once(known: IdentityHouse) -> None:
    admin = known.holder(Role.ADMIN).headers
    made = (await known.post("/v1/admin/users", {"email": "b@town.example", "name": "Bert"}, admin)).json()
    first = made["invitation"]["token"]
    assert first not in (await known.get(f"/v1/admin/users/{made['id']}", admin)).body.decode()
    second = (await known.post(f"/v1/admin/users/{made['id']}/invitation", None, admin)).json()["token"]
    answers = [
        await known.post("/v1/invitations", {"token": token, "password": PASSWORD}, {})
        for token in (first, "gas-guessed", second, second)
    ]
    assert [answer.status for answer in answers] == [401, 401, 200, 401]
    assert answers[2].json()["name"] == "Bert"
    assert (await sign_in(known, "b@town.example")).status == 200
    service = known.holder()
    assert (await known.post(f"/v1/admin/users/{service.user}/invitation", None, admin)).status == 404


async def test_the_sessions_of_others_are_not_there(known: IdentityHouse, anna: str) -> None:
    assert anna
    invited(known, "bert@town.example")
    mine, theirs = browser(await sign_in(known)), browser(await sign_in(known, "bert@town.example"))
    (session,) = [s for s in (await known.get("/v1/users/me/sessions", theirs)).json()["data"] if s["current"]]
    address = f"/v1/users/me/sessions/{session['id']}"
    assert_refused(await known.delete(address, mine), 404, "not_found", "session")
    assert (await known.delete(address, theirs)).status == 204
    assert (await known.get(CURRENT, theirs)).status == 401


async def test_whoever_shows_a_key_has_no_session(known: IdentityHouse) -> None:
    assert_refused(await known.get(CURRENT, known.holder().headers), 401, "not_authenticated", "galerne_session")


async def test_a_token_is_nowhere_in_the_database_or_the_audit_log(known: IdentityHouse, anna: str) -> None:
    assert anna
    answer = await sign_in(known)
    token = cookie(answer)["cookie"].partition("=")[2]
    kept = b"".join(path.read_bytes() for path in known.folder.glob("galerne.db*"))
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept
    auditor = known.holder(Role.AUDITOR).headers
    actions = [record["action"] for record in (await known.get("/v1/admin/audit?limit=50", auditor)).json()["data"]]
    assert "session.begun" in actions
