"""Sessions and tries as they are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from tests.store.side_by_side import side_by_side

from galerne.errors import NotAuthenticated
from galerne.identity.directory import UserKind, new_user
from galerne.identity.keys import digest_of
from galerne.identity.known_callers import KnownCallers
from galerne.identity.passwords import Hasher
from galerne.identity.permissions import Role
from galerne.identity.sessions import new_session
from galerne.store.allowed_models import SqlAllowedModels
from galerne.store.database import Database
from galerne.store.directory import SqlDirectory
from galerne.store.keys import SqlKeys
from galerne.store.sessions import SqlSessions, SqlTries
from galerne.store.standing import SqlStanding

NOW = datetime(2026, 11, 25, 15, 4, tzinfo=UTC)
WINDOW = timedelta(minutes=15)


async def test_a_session_ends_when_it_is_old_or_unused(database: Database) -> None:
    directory, sessions, now = SqlDirectory(database), SqlSessions(database), NOW
    user = new_user(UserKind.PERSON, directory.workspace("default"), Role.MEMBER, "Anna", "a@b.example", NOW)
    directory.add_user(user)
    token, session = new_session(user, NOW, timedelta(hours=3), None, None)
    sessions.add(session, digest_of(token))
    stores = SqlKeys(database), sessions, SqlStanding(database), SqlAllowedModels(database)
    callers = KnownCallers(*stores, idle=timedelta(hours=1), clock=lambda: now)
    for minutes in (59, 117, 175):
        now = NOW + timedelta(minutes=minutes)
        assert (await callers.identify(token)).session == session.id
    now = NOW + timedelta(hours=3)
    with pytest.raises(NotAuthenticated):
        await callers.identify(token)
    token, session = new_session(user, now, timedelta(hours=3), None, None)
    sessions.add(session, digest_of(token))
    caller = await callers.identify(token)
    assert await callers.lost([caller]) == set()
    sessions.sweep(now, now - timedelta(hours=1))
    assert [each.id for each in sessions.of(user.id)] == [session.id]
    now += timedelta(hours=1)
    with pytest.raises(NotAuthenticated):
        await callers.identify(token)
    sessions.end_all(user.id)
    assert await callers.lost([caller]) == {caller}


def test_no_try_too_many_however_many_come_at_once(database: Database) -> None:
    tries = SqlTries(database)
    waits: list[float] = []
    side_by_side(lambda _: waits.append(tries.take(["a", "b"], 5, WINDOW, NOW)), range(12))
    assert waits.count(0) == 5
    assert set(waits) == {0, WINDOW.total_seconds()}
    tries.give_back("a")
    assert tries.take(["a"], 5, WINDOW, NOW) == 0
    assert tries.take(["a"], 5, WINDOW, NOW + timedelta(minutes=5)) == 600
    assert tries.take(["a"], 5, WINDOW, NOW + WINDOW) == 0
    tries.forget("b")
    assert tries.take(["b"], 1, WINDOW, NOW) == 0


def test_a_hash_with_other_parameters_is_stale_and_still_checked() -> None:
    old, new = Hasher(PasswordHasher(1, 8, 1)), Hasher(PasswordHasher(2, 8, 1))
    hash = old.hash("a long password")
    assert new.verify(hash, "a long password")
    assert new.stale(hash)
    assert not old.stale(hash)
    assert not new.verify(None, "a long password")
    assert not new.verify("no hash", "a long password")
