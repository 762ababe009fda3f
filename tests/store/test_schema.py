"""Migrations: they make just the tables that the code names, once, whoever starts first."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect
from tests.store.side_by_side import side_by_side

import galerne.store.tables  # noqa: F401
from galerne.errors import SettingsError
from galerne.settings import Settings
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.schema import open_database, upgrade


def test_the_steps_make_just_the_tables_that_the_code_names(database: Database) -> None:
    options = {"include_name": lambda name, *_: not (name or "").startswith("chat_words_index")}  # each database's own
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_the_steps_make_the_checks_that_the_code_names(database: Database) -> None:
    """Which `compare_metadata` does not compare."""
    with database.read() as connection:
        made = {
            (table, check["name"])
            for table in metadata.tables
            for check in inspect(connection).get_check_constraints(table)
        }
    named = {
        (table.name, check.name)
        for table in metadata.tables.values()
        for check in table.constraints
        if isinstance(check, CheckConstraint)
    }
    assert made == named != set()


def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    upgrade(database)


def test_processes_that_start_together_take_turns(empty_database: Database) -> None:
    failures = []

    def start(_: int) -> None:
        other = Database(empty_database.url.render_as_string(hide_password=False))
        try:
            upgrade(other)
        except Exception as error:
            failures.append(error)
        finally:
            other.close()

    side_by_side(start, range(4))
    assert failures == []


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('9999')")
    with pytest.raises(SettingsError, match="newer version of Galerne"):
        upgrade(database)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "galerne.db").write_bytes(b"something else " * 100)
    with pytest.raises(SettingsError, match=r"galerne\.db is not an SQLite database"):
        open_database(Settings(data_dir=tmp_path))


def test_by_default_it_lies_in_the_data_folder_whatever_that_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "100% d'été ?a=b#c"
    open_database(Settings(data_dir=folder)).close()
    assert (folder / "galerne.db").is_file()
