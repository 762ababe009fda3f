"""A PostgreSQL server for tests, in a folder of its own, from the system's package."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from galerne.store.database import Database
from galerne.store.schema import upgrade

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)


def find_server() -> Path | None:
    """The folder of the newest server's programs."""
    places = [*PLACES, *([Path(found).parent] if (found := shutil.which("initdb")) else [])]
    return next((place for place in places if (place / "initdb").exists()), None)


class Cluster:
    """A running server that listens on a socket in its folder, and on no port."""

    def __init__(self, folder: Path) -> None:
        programs = find_server()
        assert programs is not None
        self._programs = programs
        # A socket's path may have 107 bytes at most, and root may not run a server: a short folder of another user's.
        self._folder = Path("/", "tmp", f"galerne-{os.getpid()}-{folder.name}")

    def __enter__(self) -> Self:
        self._folder.mkdir(mode=0o700)
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        self._run("initdb", "-D", self._folder / "data", "-U", "galerne", "--auth=trust", "--no-sync", "-E", "UTF8")
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder} -c fsync=off"
        self._run("pg_ctl", "-D", self._folder / "data", "-l", self._folder / "log", "-w", "-o", options, "start")
        self._lay_out("pattern")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("pg_ctl", "-D", self._folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def new_database(self) -> str:
        """The address of an empty one: the same each time, as a database takes a while to be made and removed."""
        address = self._address("postgres")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '10s'")
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return address

    def ready_database(self) -> str:
        """The address of one with all tables: a copy, as the steps to it take seven times as long."""
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS ready WITH (FORCE)")
            connection.execute("CREATE DATABASE ready TEMPLATE pattern")
        return self._address("ready")

    def _address(self, database: str) -> str:
        return f"postgresql://galerne@/{database}?host={self._folder}"

    def _lay_out(self, name: str) -> None:
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        database = Database(self._address(name))
        upgrade(database)
        database.close()

    def _run(self, program: str, *arguments: str | Path) -> None:
        user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        subprocess.run(
            [self._programs / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
        )
