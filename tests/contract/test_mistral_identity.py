"""Who the key belongs to, as the official client reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mistralai.client import Mistral, errors
from tests.api.identity_house import Holder, IdentityHouse
from tests.contract.clients import mistral
from tests.contract.server import serving

from galerne.identity.caller import LOCAL_ADMIN
from galerne.identity.permissions import Role


@pytest.fixture
def house(tmp_path: Path) -> Iterator[IdentityHouse]:
    house = IdentityHouse(tmp_path)
    yield house
    house.close()


@pytest.fixture
def url(house: IdentityHouse) -> Iterator[str]:
    with serving(house.app) as url:
        yield url


def shown(holder: Holder) -> dict[str, str]:
    """These operations have a parameter of their own for the key."""
    return {"bearer_user_context_auth": holder.headers["authorization"].removeprefix("Bearer ")}


def client(url: str) -> Mistral:
    return mistral(url)


def test_a_service_account(house: IdentityHouse, url: str) -> None:
    program = house.holder(workspace="town-hall")
    who = client(url).beta.users.whoami(security=shown(program))
    assert (who.principal.principal_type, who.principal.service_account_id) == ("service_account", program.user)
    assert (who.workspace.id, who.organization.id) == ("town-hall", "default")


def test_a_person(house: IdentityHouse, url: str) -> None:
    anna = house.identity.users.create_person("anna@town.example", "Anna Le Goff", "default", Role.MEMBER, LOCAL_ADMIN)
    secret, key = house.identity.keys.make("laptop", anna.id, LOCAL_ADMIN)
    security = {"bearer_user_context_auth": secret}
    users = client(url).beta.users
    who = users.whoami(security=security).principal
    assert (who.principal_type, who.id, who.email) == ("user", anna.id, "anna@town.example")
    me = users.get_identity(security=security)
    assert (me.id, me.first_name, me.last_name, me.api_key.id) == (anna.id, "Anna", "Le Goff", key.id)
    assert me.organization.name == "Our organisation"
    (organization,) = users.list_organizations(security=security).result.organizations
    (workspace,) = users.list_workspaces(security=security).result.workspaces
    assert (workspace.id, workspace.organization_id) == ("default", organization.id)
    assert users.list_workspaces(security=security, organization_id="other").result.workspaces == []
    assert users.list_organizations(security=security, offset=1).result.organizations == []


def test_nobody(url: str) -> None:
    with pytest.raises(errors.SDKError) as refused:
        client(url).beta.users.whoami(security={"bearer_user_context_auth": "gal-unknown"})
    assert refused.value.status_code == 401
