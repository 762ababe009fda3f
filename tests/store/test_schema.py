"""Migrations: they make just the tables that the code names, once, whoever starts first."""

from __future__ import annotations

import threading

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import galerne.store.tables  # noqa: F401
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.schema import upgrade


def test_the_steps_make_just_the_tables_that_the_code_names(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    upgrade(database)


def test_processes_that_start_together_take_turns(empty_database: Database) -> None:
    failures = []

    def start() -> None:
        other = Database(empty_database.url.render_as_string(hide_password=False))
        try:
            upgrade(other)
        except Exception as error:
            failures.append(error)
        finally:
            other.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
