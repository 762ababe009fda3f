"""Keys: shown once, kept as a hash, and no key any longer once they expired or were revoked."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table

from galerne.errors import Forbidden, NotAuthenticated, Taken
from galerne.identity.caller import DEFAULT_WORKSPACE
from galerne.identity.directory import UserKind, Workspace, new_user
from galerne.identity.key_callers import KeyCallers
from galerne.identity.keys import digest_of, make_key
from galerne.identity.permissions import GRANTS, Permission, Role
from galerne.store.database import Database
from galerne.store.directory import SqlDirectory, users, workspaces
from galerne.store.keys import SqlKeys, key_secrets, keys

NOW = datetime(2026, 11, 25, 15, 4, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def kept(database: Database) -> SqlKeys:
    return SqlKeys(database)


def made(kept: SqlKeys, database: Database, workspace: str = "town", **how: Any) -> tuple[str, str]:
    """A key's secret and id."""
    directory = SqlDirectory(database)
    with suppress(Taken):
        directory.add_workspace(Workspace(workspace, "default", workspace, NOW))
    holder = new_user(
        UserKind.SERVICE, directory.workspace(workspace), how.pop("role", Role.MEMBER), "intranet", None, NOW
    )
    directory.add_user(holder)
    secret, key = make_key("intranet", holder, how.get("scopes"), NOW, how.get("expires"))
    kept.add(key, digest_of(secret))
    return secret, key.id


async def test_a_key_leads_to_its_workspace(kept: SqlKeys, database: Database) -> None:
    (town, id), (hall, _) = made(kept, database), made(kept, database, "hall")
    callers = KeyCallers(kept, clock=Clock())
    assert (await callers.identify(town)).workspace == "town"
    assert (await callers.identify(town)).key == id
    assert (await callers.identify(hall)).workspace == "hall"


async def test_whoever_shows_none_is_refused_unless_the_door_is_open(kept: SqlKeys, database: Database) -> None:
    secret, _ = made(kept, database)
    for shown in (None, "", "none", secret[:-1], "\ud800"):
        with pytest.raises(NotAuthenticated):
            await KeyCallers(kept, clock=Clock()).identify(shown)
        assert (await KeyCallers(kept, open_door=True).identify(shown)).workspace == DEFAULT_WORKSPACE


async def test_a_key_ends_when_it_expires_or_is_revoked(kept: SqlKeys, database: Database) -> None:
    (secret, _), (other, id) = made(kept, database, expires=NOW + timedelta(days=1)), made(kept, database)
    clock = Clock()
    callers = KeyCallers(kept, open_door=True, clock=clock)
    await callers.identify(secret)
    clock.now = NOW + timedelta(days=1)
    with pytest.raises(NotAuthenticated, match="has expired"):
        await callers.identify(secret)
    assert kept.revoke(id, clock.now)
    assert not kept.revoke(id, clock.now)
    with pytest.raises(NotAuthenticated, match="was revoked"):
        await callers.identify(other)


async def test_its_last_use_is_noted_to_the_minute(kept: SqlKeys, database: Database) -> None:
    secret, _ = made(kept, database)
    clock = Clock()
    callers = KeyCallers(kept, clock=clock)
    for seconds in (0, 30, 90):
        clock.now = NOW + timedelta(seconds=seconds)
        await callers.identify(secret)
    assert kept.all()[0].last_used == NOW + timedelta(seconds=90)


def test_the_key_itself_is_nowhere(kept: SqlKeys, database: Database) -> None:
    secret, _ = made(kept, database)
    with database.read() as connection:
        (row,), (kept_secret,) = connection.execute(keys.select()), connection.execute(key_secrets.select())
    assert secret not in f"{row} {kept_secret}"
    assert str(row.prefix) == str(kept_secret.prefix) == secret[:10]


async def test_a_key_is_what_its_holder_may_do_within_its_scopes(kept: SqlKeys, database: Database) -> None:
    callers = KeyCallers(kept, clock=Clock())
    whole, _ = made(kept, database, role=Role.GUEST)
    assert (await callers.identify(whole)).permissions == GRANTS[Role.GUEST]
    scopes = frozenset({Permission.CHAT, Permission.AUDIT})
    narrow, _ = made(kept, database, role=Role.GUEST, scopes=scopes)
    caller = await callers.identify(narrow)
    assert caller.permissions == {Permission.CHAT}  # no scope adds anything
    assert caller.user
    assert caller.user.startswith("service-")
    with pytest.raises(Forbidden, match=r"agents:manage, audit:read"):
        caller.check(Permission.CHAT, Permission.AUDIT, Permission.AGENTS)


@pytest.mark.parametrize("table", [users, workspaces])
async def test_whoever_is_disabled_is_refused(kept: SqlKeys, database: Database, table: Table) -> None:
    secret, _ = made(kept, database)
    with database.write() as connection:
        connection.execute(table.update().values(disabled=NOW))
    with pytest.raises(NotAuthenticated, match="was disabled"):
        await KeyCallers(kept, clock=Clock()).identify(secret)
