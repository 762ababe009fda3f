"""Who was refused is on the audit log, once in a while."""

from __future__ import annotations

from pathlib import Path

from tests.api.kept_house import KeptHouse

from galerne.errors import NotAuthenticated
from galerne.identity.caller import Caller
from galerne.identity.permissions import Permission
from galerne.ledger.audit import AuditFilter


class Guest:
    """Fills the port `Callers`: one guest."""

    open_door = False

    async def identify(self, credential: str | None) -> Caller:
        if credential != "guest":
            raise NotAuthenticated("there is no such key.")
        return Caller("town", user="user-guest", permissions=frozenset({Permission.CHAT}))


def noted(house: KeptHouse, action: str) -> list[dict]:
    return house.kept.audit.log.page(AuditFilter(action=action), 10).records


async def test_a_key_that_is_not_known_is_noted_with_where_it_came_from(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, callers=Guest())
    for _ in range(3):
        assert (await house.get("/v1/models", {"authorization": "Bearer wrong"})).status == 401
    (record,) = noted(house, "key.refused")
    assert (record["result"], record["actor"]["kind"], record["actor"]["id"]) == ("refused", "address", "127.0.0.1")
    assert record["details"] == {"path": "/v1/models"}


async def test_whoever_shows_nothing_is_not_noted(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, callers=Guest())
    assert (await house.get("/v1/models", {})).status == 401
    assert noted(house, "key") == []


async def test_who_wants_more_than_they_may_is_noted(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, callers=Guest())
    for path in ("/v1/admin/audit", "/v1/admin/audit", "/v1/admin/usage"):
        assert (await house.get(path, {"authorization": "Bearer guest"})).status == 403
    usage, audit = noted(house, "access.denied")
    assert (audit["actor"]["id"], audit["details"]) == ("user-guest", {"path": "/v1/admin/audit"})
    assert usage["details"] == {"path": "/v1/admin/usage"}
