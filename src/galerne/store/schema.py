"""Brings a database to the tables that this version needs: ordered steps, each applied once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from galerne.errors import SettingsError
from galerne.store.database import Database, unreachable

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 4_716_238_059  # of PostgreSQL's advisory locks: any number, the same for every node


def upgrade(database: Database) -> None:
    """Apply the steps that the database does not have yet. Several processes may start at once: they take turns.

    Raises `SettingsError` when the database does not answer, or belongs to a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    try:
        with database.write() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            current = set(MigrationContext.configure(connection).get_current_heads())
            if current - known:
                raise SettingsError("it was written by a newer version of Galerne.", where="database", hint="Upgrade.")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise unreachable(error, database.url) from None
