"""People sign in at a provider of OpenID Connect, a real one on this machine; and whoever plays one does not."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from tests.api.client import Answer
from tests.api.identity_house import IdentityHouse
from tests.api.provider import CLIENT, SECRET, Claims, Provider
from tests.api.test_bodies import assert_refused
from tests.contract.server import serving

from galerne.flows.users import UserChange
from galerne.identity.caller import LOCAL_ADMIN
from galerne.identity.directory import UserKind
from galerne.identity.permissions import Role
from galerne.ledger.audit import AuditFilter

TLS = ssl.create_default_context()  # made once: it takes long
HOST = {"host": "127.0.0.1:8000"}
PASSWORD = "a north-west wind of France"
NONSENSE = (b"", b"[]", b"1", b"null", b'"x"', b"{}", b"<html>", b'{"keys": 1}', b'{"id_token": 1}', b'{"sub": []}')


@pytest.fixture(scope="module")
def served() -> Iterator[Provider]:
    provider = Provider()
    with serving(provider.app) as url:
        provider.url = url
        yield provider


@pytest.fixture
def provider(served: Provider) -> Iterator[Provider]:
    """It tells the truth again after each test."""
    before = dict(vars(served))
    yield served
    vars(served).update(before)


@pytest.fixture
def open_house(tmp_path: Path, provider: Provider) -> Iterator[Callable[..., IdentityHouse]]:
    opened = []

    def open(**settings: Any) -> IdentityHouse:
        oidc = {"oidc_issuer": provider.url, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
        opened.append(IdentityHouse(tmp_path, **oidc | settings))
        return opened[-1]

    yield open
    for house in opened:
        house.close()


@pytest.fixture
def house(open_house: Callable[..., IdentityHouse]) -> IdentityHouse:
    return open_house()


async def start(house: IdentityHouse, next: str = "/chats") -> tuple[str, dict[str, str]]:
    """The address that the provider sends the browser back to, and the browser's cookie."""
    sent = await house.get(f"/v1/oidc/start?next={next}", HOST)
    assert sent.status == 302, sent.body
    back = httpx2.get(sent.headers["location"], follow_redirects=False, verify=TLS).headers["location"]
    return back.removeprefix("http://127.0.0.1:8000"), {"cookie": sent.headers["set-cookie"].partition(";")[0]} | HOST


async def sign_in(house: IdentityHouse) -> Answer:
    return await house.get(*await start(house))


async def who(house: IdentityHouse, answer: Answer) -> Any:
    assert answer.status == 302, answer.body
    cookie = next(part for part in answer.headers["set-cookie"].split(";") if part.startswith("galerne_session="))
    return (await house.get("/v1/sessions/current", {"cookie": cookie})).json()


async def test_a_person_is_made_the_first_time_and_known_from_then_on(house: IdentityHouse, provider: Provider) -> None:
    ways = (await house.get("/v1/sign-in", {})).json()
    assert ways == {"password": True, "oidc": {"name": "Single sign-on", "url": "/v1/oidc/start"}}
    answer = await sign_in(house)
    assert answer.headers["location"] == "/chats"
    anna = await who(house, answer)
    assert (anna["email"], anna["name"], anna["role"]) == ("anna@town.example", "Anna", "member")
    provider.person = provider.person | {
        "email": "anna@hall.example",
        "email_verified": False,
    }  # the provider's own name counts now
    assert (await who(house, await sign_in(house)))["id"] == anna["id"]


async def test_a_user_who_is_there_is_found_by_the_verified_address(house: IdentityHouse) -> None:
    anna = house.identity.users.create_person("Anna@Town.example", "Anna Le Goff", "default", Role.GUEST, LOCAL_ADMIN)
    me = await who(house, await sign_in(house))
    assert (me["id"], me["role"]) == (anna.id, "guest")  # no groups are mapped: the role is our affair


async def test_what_the_token_does_not_tell_the_user_information_does(house: IdentityHouse, provider: Provider) -> None:
    provider.in_token = False
    assert (await who(house, await sign_in(house)))["email"] == "anna@town.example"


@pytest.mark.parametrize(
    ("groups", "role"), [(["staff", "it"], "admin"), (["staff"], "auditor"), ("staff", "auditor"), (["x"], None)]
)
async def test_groups_decide_where_they_are_mapped(
    open_house: Callable[..., IdentityHouse], provider: Provider, groups: Any, role: str | None
) -> None:
    house = open_house(oidc_roles={"it": "admin", "staff": "auditor"}, oidc_default_role="none")
    provider.person = provider.person | {"groups": ["staff"]}
    first = await who(house, await sign_in(house))
    assert first["role"] == "auditor"
    provider.person = provider.person | {"groups": groups}
    answer = await sign_in(house)
    if role is None:
        assert_refused(answer, 403, "forbidden")
    else:
        assert (await who(house, answer))["role"] == role


def forged(claims: Claims) -> str:
    """Signed with a key of the same name that is not the provider's."""
    key = ECKey.generate_key("P-256", {"kid": "one"})
    return jwt.encode({"alg": "ES256", "kid": "one"}, claims, key, algorithms=["ES256"])


def unsigned(claims: Claims) -> str:
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "none"}, claims)
    )
    return f"{head.decode()}.{body.decode()}."


def by_secret(claims: Claims) -> str:
    """With what we and the provider share, which an honest provider signs nothing with."""
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(SECRET.ljust(32)), algorithms=["HS256"])


def cut(claims: Claims) -> str:
    return "not.a.token" if claims else ""


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": [CLIENT, "another client"], "azp": "another client"},
        {"iss": "https://somebody.example"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"iat": 4_000_000_000},
    ],
    ids=str,
)
async def test_claims_that_are_not_for_us_now(house: IdentityHouse, provider: Provider, change: Claims) -> None:
    provider.lie = lambda claims: {name: value for name, value in (claims | change).items() if value is not None}
    answer = await sign_in(house)
    assert_refused(answer, 401, "not_authenticated", "oidc")
    assert "galerne_session" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize("sign", [forged, unsigned, by_secret, cut])
async def test_tokens_that_the_provider_did_not_sign(
    house: IdentityHouse, provider: Provider, sign: Callable[[Claims], str]
) -> None:
    provider.sign = sign
    assert_refused(await sign_in(house), 401, "not_authenticated", "oidc")


@pytest.mark.parametrize("change", [{"email_verified": False}, {"email_verified": "true"}, {"email": ""}])
async def test_an_address_that_is_not_verified_makes_nobody(
    house: IdentityHouse, provider: Provider, change: Claims
) -> None:
    house.identity.users.create_person("anna@town.example", "Anna", "default", Role.ADMIN, LOCAL_ADMIN)
    provider.person = provider.person | change
    assert_refused(await sign_in(house), 403, "forbidden")


async def test_whoever_gets_the_address_of_somebody_else_does_not_get_their_account(
    house: IdentityHouse, provider: Provider
) -> None:
    anna = await who(house, await sign_in(house))
    mine, provider.person = provider.person, provider.person | {"sub": "somebody else"}
    assert_refused(await sign_in(house), 403, "forbidden")
    provider.person = mine
    assert (await who(house, await sign_in(house)))["id"] == anna["id"]


@pytest.mark.parametrize(("seconds", "status"), [(30, 302), (-30, 302), (90, 401), (-90, 401)])
async def test_clocks_may_differ_by_a_minute(
    house: IdentityHouse, provider: Provider, seconds: int, status: int
) -> None:
    now = int(time.time())
    said = {"iat": now + seconds} if seconds > 0 else {"exp": now + seconds, "iat": now - 600}
    provider.lie = lambda claims: claims | said
    assert (await sign_in(house)).status == status


async def test_a_state_counts_once_and_in_one_browser(house: IdentityHouse) -> None:
    back, browser = await start(house)
    for other in (HOST, HOST | {"cookie": "galerne_sign_in=another"}):
        assert_refused(await house.get(back, other), 401, "not_authenticated", "state")
    assert (await house.get(back, browser)).status == 302
    assert_refused(await house.get(back, browser), 401, "not_authenticated", "state")  # replayed


async def test_a_code_of_another_sign_in_does_not_count(house: IdentityHouse) -> None:
    """Somebody puts their own code into another person's browser: PKCE finds it out."""
    mine, _ = await start(house)
    theirs, browser = await start(house)
    codes = [dict(part.split("=") for part in urlsplit(each).query.split("&")) for each in (mine, theirs)]
    mixed = f"/v1/oidc/callback?code={codes[0]['code']}&state={codes[1]['state']}"
    assert_refused(await house.get(mixed, browser), 401, "not_authenticated", "oidc")


async def test_a_person_who_changed_their_mind(house: IdentityHouse) -> None:
    answer = await house.get("/v1/oidc/callback?error=access_denied&state=x", HOST)
    assert "access_denied" in assert_refused(answer, 401, "not_authenticated", "code")


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example", "/%5Cevil.example", "chats", "/a%0Ab"])
async def test_nobody_is_sent_to_another_site(house: IdentityHouse, next: str) -> None:
    assert_refused(await house.get(f"/v1/oidc/start?next={next}", HOST), 422, "invalid_request", "next")


async def test_a_new_key_of_the_provider_is_fetched(
    house: IdentityHouse, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await who(house, await sign_in(house))
    provider.key = ECKey.generate_key("P-256", {"kid": "two"})
    assert (await sign_in(house)).status == 401  # its keys were fetched just now
    monkeypatch.setattr("galerne.identity.provider.KEYS_AT_LEAST_SECONDS", 0.0)
    await who(house, await sign_in(house))


async def test_whoever_is_disabled_stays_out(house: IdentityHouse) -> None:
    anna = await who(house, await sign_in(house))
    house.identity.users.change(anna["id"], UserKind.PERSON, UserChange(disabled=True), LOCAL_ADMIN)
    assert_refused(await sign_in(house), 403, "forbidden")
    (refused,) = house.kept.audit.log.page(AuditFilter(action="session.refused"), 9).records
    assert refused["object"] | {"pseudonym": None} == {"kind": "email", "id": "anna@town.example", "pseudonym": None}


async def test_signing_out_there_too(house: IdentityHouse, provider: Provider) -> None:
    answer = await sign_in(house)
    cookie = next(part for part in answer.headers["set-cookie"].split(";") if part.startswith("galerne_session="))
    token = (await house.get("/v1/sessions/current", {"cookie": cookie})).json()["csrf_token"]
    shown = {"cookie": cookie, "x-csrf-token": token} | HOST
    url = (await house.post("/v1/oidc/logout", None, shown)).json()["url"]
    assert url == f"{provider.url}/logout?client_id=galerne&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8000%2F"
    assert (await house.get("/v1/sessions/current", {"cookie": cookie})).status == 401


async def test_a_provider_that_does_not_answer(open_house: Callable[..., IdentityHouse]) -> None:
    house = open_house(oidc_issuer="http://127.0.0.1:9")
    assert_refused(await house.get("/v1/oidc/start", HOST), 503, "unavailable", "oidc")
    anna = house.identity.users.create_person("anna@town.example", "Anna", "default", Role.MEMBER, LOCAL_ADMIN)
    token, _ = house.identity.sign_in.invite(anna.id, LOCAL_ADMIN)
    await house.post("/v1/invitations", {"token": token, "password": PASSWORD}, HOST)
    by_password = await house.post("/v1/sessions", {"email": "anna@town.example", "password": PASSWORD}, HOST)
    assert by_password.status == 200


async def test_one_that_falls_silent_while_the_person_signs_in(house: IdentityHouse, provider: Provider) -> None:
    back, browser = await start(house)
    provider.instead = {"/token": b""}
    assert (await house.get(back, browser)).status in (401, 503)
    provider.instead = {}
    assert (await sign_in(house)).status == 302


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"])
async def test_nonsense_lets_nobody_in(house: IdentityHouse, provider: Provider, path: str) -> None:
    provider.in_token = False
    for said in NONSENSE:
        provider.instead = {path: said}
        answer = await house.get("/v1/oidc/start", HOST)
        if answer.status == 302:
            answer = await sign_in(house)
        assert answer.status in (401, 403, 503), (said, answer.body)


async def test_a_browser_is_led_back_to_where_people_sign_in(
    open_house: Callable[..., IdentityHouse], provider: Provider
) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    silent = open_house(oidc_issuer="http://127.0.0.1:9")
    assert led_back(await silent.get("/v1/oidc/start", HOST | browser)) == "unavailable"
    house = open_house()
    provider.lie = lambda claims: claims | {"nonce": "another"}
    back, cookie = await start(house)
    refused = await house.get(back, cookie | browser)
    assert led_back(refused) == "not_authenticated"
    assert 'galerne_sign_in=""' in refused.headers["set-cookie"]
    provider.lie = lambda claims: claims
    provider.person = provider.person | {"email_verified": False}
    back, cookie = await start(house)
    assert led_back(await house.get(back, cookie | browser)) == "forbidden"
    assert led_back(await house.get("/v1/oidc/callback?error=access_denied", HOST | browser)) == "not_authenticated"


def led_back(answer: Answer) -> str:
    assert answer.status == 302, answer.body
    page, _, why = answer.headers["location"].partition("?refused=")
    assert page == "/"
    return why


@pytest.mark.parametrize("name", ["An\0na", "\x1b[31mAnna", " ", "n" * 500, 5, ["Anna"], None])
async def test_names_are_made_to_fit(house: IdentityHouse, provider: Provider, name: Any) -> None:
    provider.person = provider.person | {"name": name}
    anna = await who(house, await sign_in(house))
    house.identity.users.change(anna["id"], UserKind.PERSON, UserChange(name=anna["name"]), LOCAL_ADMIN)
