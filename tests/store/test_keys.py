"""Keys: shown once, kept as a hash, and no key any longer once they expired or were revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from galerne.errors import NotAuthenticated
from galerne.identity.caller import DEFAULT_WORKSPACE
from galerne.identity.key_callers import KeyCallers
from galerne.identity.keys import digest_of, make_key
from galerne.store.database import Database
from galerne.store.keys import SqlKeys, keys

NOW = datetime(2026, 11, 25, 15, 4, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def kept(database: Database) -> SqlKeys:
    return SqlKeys(database)


def made(kept: SqlKeys, workspace: str = "town", expires: datetime | None = None) -> tuple[str, str]:
    secret, key = make_key("intranet", workspace, NOW, expires)
    kept.add(key, digest_of(secret))
    return secret, key.id


async def test_a_key_leads_to_its_workspace(kept: SqlKeys) -> None:
    (town, id), (hall, _) = made(kept), made(kept, "hall")
    callers = KeyCallers(kept, clock=Clock())
    assert (await callers.identify(town)).workspace == "town"
    assert (await callers.identify(town)).key == id
    assert (await callers.identify(hall)).workspace == "hall"


async def test_whoever_shows_none_is_refused_unless_the_door_is_open(kept: SqlKeys) -> None:
    secret, _ = made(kept)
    for shown in (None, "", "none", secret[:-1], "\ud800"):
        with pytest.raises(NotAuthenticated):
            await KeyCallers(kept, clock=Clock()).identify(shown)
        assert (await KeyCallers(kept, open_door=True).identify(shown)).workspace == DEFAULT_WORKSPACE


async def test_a_key_ends_when_it_expires_or_is_revoked(kept: SqlKeys) -> None:
    (secret, _), (other, id) = made(kept, expires=NOW + timedelta(days=1)), made(kept)
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


async def test_its_last_use_is_noted_to_the_minute(kept: SqlKeys) -> None:
    secret, _ = made(kept)
    clock = Clock()
    callers = KeyCallers(kept, clock=clock)
    for seconds in (0, 30, 90):
        clock.now = NOW + timedelta(seconds=seconds)
        await callers.identify(secret)
    assert kept.all()[0].last_used == NOW + timedelta(seconds=90)


def test_the_key_itself_is_nowhere(kept: SqlKeys, database: Database) -> None:
    secret, _ = made(kept)
    with database.read() as connection:
        (row,) = connection.execute(keys.select())
    assert secret not in str(row)
    assert str(row.prefix) == secret[:10]
