"""Who may call what: every address, asked with every role, and with none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route
from tests.api.client import Client
from tests.api.kept_house import KeptHouse, TwoWorkspaces
from tests.flows.fakes import ScriptedGenerator, served

from galerne.api.access import Access, declared
from galerne.api.application import create_app
from galerne.api.router import Router, add_routes
from galerne.errors import NotAuthenticated
from galerne.identity.caller import Caller, Everyone
from galerne.identity.permissions import GRANTS, Role
from galerne.settings import Settings


class ByRole(TwoWorkspaces):
    """A key is the name of a role."""

    def holder(self, credential: str | None) -> Caller:
        if credential is None:
            raise NotAuthenticated("a key is needed.")
        return Caller("default", user=credential, permissions=GRANTS[Role(credential)])


@pytest.fixture
def house(tmp_path: Path) -> KeptHouse:
    return KeptHouse(tmp_path, callers=ByRole())


def routes(app: FastAPI) -> Iterator[tuple[str, str, list[Access]]]:
    """Method, path, and who may call it."""
    for route in app.routes:
        if not isinstance(route, APIRoute):
            assert isinstance(route, Route | Mount)
            yield "GET", route.path, []
            continue
        for method in route.methods:
            yield method, route.path, declared(route.dependencies)


def test_every_address_says_who_may_call_it(house: KeptHouse) -> None:
    found = list(routes(house.app))
    assert len(found) > 50
    assert [(method, path) for method, path, access in found if path.startswith("/v1/") and not access] == []
    elsewhere = [access for _, path, access in found if not path.startswith("/v1/")]
    assert [each for access in elsewhere for each in access if each.known] == []  # nobody would find out who asks


async def test_every_role_at_every_address(house: KeptHouse) -> None:
    for method, path, access in routes(house.app):
        if not path.startswith("/v1/"):
            continue
        address = re.sub(r"\{.*?\}", "none", path)
        known = any(each.known for each in access)
        for role in Role:
            needed = {each.permission for each in access} - {None}
            answer = await house.client.get(address, {"authorization": f"Bearer {role}"}, method=method)
            refused = bool(needed - GRANTS[role])
            assert (answer.status == 403) == refused, (method, path, role, answer.body)
            assert answer.status != 401 or path == "/v1/sessions/current"  # a key has no session
        assert ((await house.client.get(address, method=method)).status == 401) == known, (method, path)


@pytest.mark.parametrize("included", [False, True])
async def test_an_address_that_does_not_say_who_may_call_it_is_refused(included: bool) -> None:
    app = create_app(served(ScriptedGenerator(lambda _: b"")), Everyone(), Settings())
    router = APIRouter() if included else Router()

    @router.get("/v1/forgotten")
    async def forgotten() -> str:
        return "a secret"

    if isinstance(router, Router):
        add_routes(app, router)
    else:
        app.include_router(router)
    answer = await Client(app).get("/v1/forgotten")
    assert answer.status == 403
    assert b"secret" not in answer.body


async def test_the_documents_say_what_to_show(house: KeptHouse) -> None:
    document = (await house.client.get("/openapi.json")).json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for method, path, access in routes(house.app):
        if path not in document["paths"]:
            continue
        operation = document["paths"][path][method.lower()]
        ways, statuses = operation["security"], set(operation["responses"])
        if not any(each.known for each in access):
            assert ways == [], path
            continue
        by_key, by_session = ways
        assert by_key["key"] == sorted(each.permission for each in access if each.permission), path
        assert ("csrf" in by_session) == (method != "GET"), path
        assert {"401", "403", "422", "500", "503"} <= statuses, path


async def test_a_server_that_asks_nobody_says_so() -> None:
    app = create_app(served(ScriptedGenerator(lambda _: b"")), Everyone(), Settings())
    models = (await Client(app).get("/openapi.json")).json()["paths"]["/v1/models"]["get"]
    assert {} in models["security"]


async def test_who_is_not_known_is_told_what_to_show(house: KeptHouse) -> None:
    answer = await house.client.get("/v1/models")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
