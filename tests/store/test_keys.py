"""Keys: shown once, kept as a hash, and no key any longer once they expired or were revoked."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table

from galerne.errors import Forbidden, NotAuthenticated, Taken
from galerne.flows.keys import KeyRing
from galerne.flows.users import UserChange, Users
from galerne.identity.caller import LOCAL_ADMIN
from galerne.identity.directory import UserKind, Workspace, new_user
from galerne.identity.keys import digest_of, make_key
from galerne.identity.known_callers import KnownCallers
from galerne.identity.permissions import GRANTS, Permission, Role
from galerne.ledger.signing import SigningKey
from galerne.store.allowed_models import SqlAllowedModels
from galerne.store.audit import SqlAuditLog
from galerne.store.database import Database
from galerne.store.directory import SqlDirectory, users, workspaces
from galerne.store.keys import SqlKeys, key_secrets, keys
from galerne.store.sessions import SqlSessions
from galerne.store.standing import SqlStanding

KEY = SigningKey.of(bytes(32))
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


def callers_of(database: Database, **how: Any) -> KnownCallers:
    stores = SqlKeys(database), SqlSessions(database), SqlStanding(database), SqlAllowedModels(database)
    return KnownCallers(*stores, idle=timedelta(hours=1), **how)


async def test_a_key_leads_to_its_workspace(kept: SqlKeys, database: Database) -> None:
    (town, id), (hall, _) = made(kept, database), made(kept, database, "hall")
    callers = callers_of(database, clock=Clock())
    assert (await callers.identify(town)).workspace == "town"
    assert (await callers.identify(town)).key == id
    assert (await callers.identify(hall)).workspace == "hall"


async def test_whoever_shows_none_is_refused_unless_the_door_is_open(kept: SqlKeys, database: Database) -> None:
    secret, _ = made(kept, database)
    for shown in (None, "", "none", secret[:-1], "\ud800"):
        with pytest.raises(NotAuthenticated):
            await callers_of(database, clock=Clock()).identify(shown)
        assert await callers_of(database, open_door=True).identify(shown) == LOCAL_ADMIN


async def test_a_key_ends_when_it_expires_or_is_revoked(kept: SqlKeys, database: Database) -> None:
    (secret, _), (other, id) = made(kept, database, expires=NOW + timedelta(days=1)), made(kept, database)
    clock = Clock()
    callers = callers_of(database, open_door=True, clock=clock)
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
    callers = callers_of(database, clock=clock)
    for seconds in (0, 30, 90):
        clock.now = NOW + timedelta(seconds=seconds)
        await callers.identify(secret)
    assert kept.page(None, 0, 9)[0].last_used == NOW + timedelta(seconds=90)


def test_the_key_itself_is_nowhere(kept: SqlKeys, database: Database) -> None:
    secret, _ = made(kept, database)
    with database.read() as connection:
        (row,), (kept_secret,) = connection.execute(keys.select()), connection.execute(key_secrets.select())
    assert secret not in f"{row} {kept_secret}"
    assert str(row.prefix) == str(kept_secret.prefix) == secret[:10]


async def test_a_key_is_what_its_holder_may_do_within_its_scopes(kept: SqlKeys, database: Database) -> None:
    callers = callers_of(database, clock=Clock())
    whole, _ = made(kept, database, role=Role.GUEST)
    assert (await callers.identify(whole)).permissions == GRANTS[Role.GUEST]
    scopes = frozenset({Permission.CHAT, Permission.AUDIT})
    narrow, _ = made(kept, database, role=Role.GUEST, scopes=scopes)
    caller = await callers.identify(narrow)
    assert caller.permissions == {Permission.CHAT, Permission.ASK}  # no scope adds anything
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
        await callers_of(database, clock=Clock()).identify(secret)


async def test_a_rotated_key_keeps_its_id_and_its_old_secret_for_a_while(kept: SqlKeys, database: Database) -> None:
    old, id = made(kept, database)
    clock = Clock()
    callers = callers_of(database, clock=clock)
    ring = KeyRing(kept, SqlDirectory(database), SqlAuditLog(database, KEY), clock)
    new, key = ring.rotate(id, timedelta(hours=1), LOCAL_ADMIN)
    assert (key.id, key.prefix) == (id, new[:10])
    assert {(await callers.identify(secret)).key for secret in (old, new)} == {id}
    newest, _ = ring.rotate(id, timedelta(hours=2), LOCAL_ADMIN)
    clock.now = NOW + timedelta(hours=1)
    with pytest.raises(NotAuthenticated, match=f"{old[:10]}.* has expired"):
        await callers.identify(old)  # the second rotation did not prolong it
    await callers.identify(new)
    clock.now = NOW + timedelta(hours=2)
    with pytest.raises(NotAuthenticated, match="has expired"):
        await callers.identify(new)
    await callers.identify(newest)
    at_once, _ = ring.rotate(id, timedelta(0), LOCAL_ADMIN)
    with pytest.raises(NotAuthenticated):
        await callers.identify(newest)
    await callers.identify(at_once)


async def test_who_has_lost_the_right(kept: SqlKeys, database: Database) -> None:
    clock = Clock()
    callers = callers_of(database, clock=clock)
    ring, users_ = (
        KeyRing(kept, SqlDirectory(database), SqlAuditLog(database, KEY), clock),
        Users(SqlDirectory(database), kept, SqlAuditLog(database, KEY), clock),
    )
    secrets = [made(kept, database, expires=NOW + timedelta(days=1)) for _ in range(4)]
    stays, revoked, disabled, deleted = [await callers.identify(secret) for secret, _ in secrets]
    everybody = {stays, revoked, disabled, deleted, LOCAL_ADMIN}
    assert await callers.lost(everybody) == set()
    ring.revoke(str(revoked.key), LOCAL_ADMIN)
    users_.change(str(disabled.user), UserKind.SERVICE, UserChange(disabled=True), LOCAL_ADMIN)
    users_.delete(str(deleted.user), UserKind.SERVICE, LOCAL_ADMIN)
    assert await callers.lost(everybody) == {revoked, disabled, deleted}
    clock.now = NOW + timedelta(days=1)
    assert await callers.lost(everybody) == everybody - {LOCAL_ADMIN}
