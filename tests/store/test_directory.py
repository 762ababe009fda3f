"""Keys of before there were users, and what is kept of users and workspaces."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config

from galerne.errors import NotFound, Taken
from galerne.identity.directory import UserChoice, UserKind, Workspace, new_user
from galerne.identity.permissions import GRANTS, Role
from galerne.store.database import Database
from galerne.store.directory import SqlDirectory
from galerne.store.keys import SqlKeys
from galerne.store.schema import MIGRATIONS, upgrade

NOW = datetime(2026, 11, 25, 15, 4, tzinfo=UTC)


def test_keys_of_before_become_those_of_a_service_account(empty_database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with empty_database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        connection.exec_driver_sql(
            "INSERT INTO keys (id, name, prefix, digest, workspace, created)"
            " VALUES ('key-1', 'intranet', 'gal-abcdef', 'digest', 'hall', '2026-11-25 15:04:00')"
        )
    upgrade(empty_database)
    opened = SqlKeys(empty_database).find("digest")
    assert opened is not None
    assert (opened.key.id, opened.key.prefix, opened.key.workspace) == ("key-1", "gal-abcdef", "hall")
    assert (opened.holder.kind, opened.holder.workspace) == (UserKind.SERVICE, "hall")
    assert opened.permissions == GRANTS[Role.MEMBER]


def test_users_are_found_by_what_they_are(database: Database) -> None:
    directory = SqlDirectory(database)
    directory.add_workspace(Workspace("hall", "default", "Hall", NOW))
    hall = directory.workspace("hall")
    anna = new_user(UserKind.PERSON, hall, Role.MEMBER, "Anna", "Anna@Town.example", NOW)
    service = new_user(UserKind.SERVICE, hall, Role.GUEST, "intranet", None, NOW)
    for user in (anna, service):
        directory.add_user(user)
    assert directory.user_by_email("ANNA@town.example") == anna
    assert directory.users(UserChoice(workspace="hall", kind=UserKind.SERVICE), 0, 9) == [service]
    assert {user.id for user in directory.users(UserChoice(), 0, 9)} == {anna.id, service.id, "local"}
    with pytest.raises(Taken):
        directory.add_user(new_user(UserKind.PERSON, hall, Role.ADMIN, "Another Anna", "anna@town.example", NOW))
    for strange in ("", "\0", "x" * 1000, "none' OR '1'='1"):
        with pytest.raises(NotFound):
            directory.user(strange)
