"""Brings a database to the tables that this version needs: ordered steps, each applied once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError

from galerne.errors import DatabaseUnavailable, SettingsError
from galerne.settings import Settings
from galerne.store.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 4_716_238_059  # of PostgreSQL's advisory locks: any number, the same for every node


def open_database(settings: Settings) -> Database:
    """The database that the settings name, with the tables that this version needs. Raises `SettingsError`."""
    file = settings.data_dir / "galerne.db"
    database = Database(settings.database or URL.create("sqlite", database=str(file)))
    try:
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return database


def upgrade(database: Database) -> None:
    """Apply the steps that the database does not have yet. Several processes may start at once: they take turns.

    Raises `SettingsError` when the database does not answer, is none, or belongs to a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known, newest = _steps()
    try:
        with database.write() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            current = set(MigrationContext.configure(connection).get_current_heads())
            if current - known:
                raise SettingsError("it was written by a newer version of Galerne.", where="database", hint="Upgrade.")
            if current != newest:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except DatabaseUnavailable as error:
        raise SettingsError(error.message, where="database") from None
    except DatabaseError as error:
        if "file is not a database" not in str(error.orig):
            raise
        raise SettingsError(f"{database.url.database} is not an SQLite database.", where="database") from None


@cache
def _steps() -> tuple[frozenset[str], frozenset[str]]:
    """The names of all steps, and of the newest: read once, as that takes longer than to find a database up to date."""
    steps = ScriptDirectory(str(MIGRATIONS))
    return frozenset(step.revision for step in steps.walk_revisions()), frozenset(steps.get_heads())
