"""One database: SQLite by default, PostgreSQL when there are several nodes.

SQLite allows one writer at a time, and its versions up to 3.51.2 can damage a write-ahead log that several connections
write to and reset (https://www.sqlite.org/wal.html#walresetbug): so writes take turns here, and are on disk
(`synchronous=FULL`) when `write` returns, unless they need not be.

PostgreSQL's texts have no NUL, and clients may send one: whatever is kept or looked for has the symbol for it instead.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from galerne.errors import DatabaseUnavailable, DiskFull, GalerneError, SettingsError
from galerne.store.prepared import drive, without_nul

BUSY_MILLISECONDS = 30_000
"""How long a process waits for another one that writes to the same SQLite file."""

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is deleted is overwritten, and not left until the room is needed
    f"busy_timeout={BUSY_MILLISECONDS}",
)


Result = TypeVar("Result")


class Database:
    """Connections to one database. Its methods block: call them from a thread (`run`).

    Both `read` and `write` raise `DatabaseUnavailable` and `DiskFull`.
    """

    def __init__(self, url: str | URL) -> None:
        """Raises `SettingsError` for an address that is none, or a driver that is not installed."""
        self.url = _parsed(url)
        self._writing = threading.Lock()
        self._kept: list[_Kept] = []
        self.engine = _engine(self.url)
        event.listen(self.engine, "before_cursor_execute", _without_nul, retval=True)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def lane(self) -> Database:
        """The same database for work that comes again and again: SQLite's has a thread and a connection for it alone.
        It is closed with this one."""
        return self._added(_Lane(self)) if self.is_sqlite else self

    def at_hand(self) -> Database:
        """The same database for reading a few rows: SQLite's are read in the event loop. It is closed with this one."""
        return self._added(_AtHand(self)) if self.is_sqlite else self

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Do something with it in a thread. Raises what `work` raises."""
        return await asyncio.to_thread(work, *arguments)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in a transaction that changes nothing."""
        with self._failures(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A connection in a transaction: kept as a whole when the block ends, undone as a whole when it fails.

        One that is not `durable` outlives the process, and may be lost with the machine until the next one that is.
        """
        with self._failures():
            if not self.is_sqlite:
                with self.engine.begin() as connection:
                    if not durable:
                        drive(connection, "execute", "SET LOCAL synchronous_commit = off")
                    yield connection
                return
            with self._writing, self.engine.connect() as connection, connection.begin():
                _begin(connection, durable=durable)
                yield connection

    def forget(self) -> None:
        """Let nothing of what was deleted remain in SQLite's write-ahead log, as far as nobody reads in it now."""
        if self.is_sqlite:
            with self._writing, self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        for kept in self._kept:
            kept.close()
        self.engine.dispose()

    def _added(self, kept: _Kept) -> Database:
        self._kept.append(kept)
        return kept

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            failure = _failure(error, self.url)
            if failure is None:
                raise
            raise failure from error


class _Kept(Database):
    """Reads by one connection that it never gives back: its pages and statements are still in memory."""

    def __init__(self, database: Database) -> None:
        self.url, self.engine, self._writing = database.url, database.engine, database._writing
        self._connection: Connection | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._failures(), self._own() as connection:
            yield connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    @contextmanager
    def _own(self) -> Iterator[Connection]:
        """When something fails, it is given back, which undoes what was begun, and another one is taken."""
        connection = self._connection = self._connection or self.engine.connect()
        try:
            yield connection
            connection.rollback()  # ends what SQLAlchemy began for a statement of its own
        except BaseException:
            _Kept.close(self)
            raise


class _Lane(_Kept):
    """Writes by it, too, in a thread of its own: several would wait for each other at every statement, and for Python's
    lock. SQLAlchemy's own way to begin and to commit would take a tenth of the time of a short transaction."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._thread = _one_thread()

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        with self._failures(), self._writing, self._own() as connection:
            _begin(connection, durable=durable)
            yield connection
            drive(connection, "execute", "COMMIT")

    def close(self) -> None:
        self._thread.shutdown()
        self._thread = _one_thread()  # there is another one, as there is another connection, if it is needed again
        super().close()


class _AtHand(_Kept):
    """A few rows are read sooner than a thread is woken, and nobody who writes holds up SQLite's readers. What writes
    waits for others: it needs a thread."""

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        return work(*arguments)


def _begin(connection: Connection, *, durable: bool) -> None:
    """A transaction that writes."""
    drive(connection, "execute", f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    drive(connection, "execute", "BEGIN IMMEDIATE")


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")


def _parsed(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError):
        raise SettingsError(
            "is not the address of a database.", where="database", hint="See docs/guide/settings.md."
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingsError(
            f"{parsed.get_backend_name()} is not supported.", where="database", hint="Use SQLite or PostgreSQL."
        )
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    try:
        return create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError:
        hint = "Install it: pip install 'galerne[postgres]'."
        raise SettingsError("the driver for PostgreSQL is not installed.", where="database", hint=hint) from None


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise SettingsError(
            "names no file.", where="database", hint="For example: sqlite:////var/lib/galerne/galerne.db"
        )
    file = Path(url.database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}.", where="database") from None
    engine = create_engine(url, pool_use_lifo=True)  # whatever was used last has pages and statements at hand

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where this file says so
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _without_nul(_: Connection, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> tuple[str, Any]:
    return statement, _shown(parameters)


def _shown(value: Any) -> Any:
    match value:
        case str():
            return without_nul(value)
        case dict():
            return {name: _shown(each) for name, each in value.items()}
        case tuple() | list():
            return type(value)(map(_shown, value))
        case _:
            return value


def _failure(error: OperationalError, url: URL) -> GalerneError | None:
    """What an operator can mend; None: a fault of the program. The address's password is left out."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        code = cause.sqlite_errorcode & 0xFF  # the rest says more than is needed
        full = code == sqlite3.SQLITE_FULL
        if not full and code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
            return None
    else:
        full = (
            getattr(cause, "sqlstate", None) == "53100"
        )  # https://www.postgresql.org/docs/current/errcodes-appendix.html
    if full:
        return DiskFull("there is no room for the database to grow.", hint="Ask whoever runs this server for more.")
    reason = str(cause).strip().splitlines()[0]
    return DatabaseUnavailable(
        f"the database {url.render_as_string()} does not answer: {reason}.", hint="Try again later.", retry_after=5
    )
