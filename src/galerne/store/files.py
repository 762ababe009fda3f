"""What is known of files, in a table. Fills the port `FileStore`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.engine import Row

from galerne.errors import NotFound, TooLarge
from galerne.flows.stored_files import FileFilter, FilePage, StoredFile, Window
from galerne.store.database import Database
from galerne.store.metadata import metadata

files = Table(
    "files",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),  # the order of arrival
    Column("id", String(64), nullable=False, unique=True),
    Column("workspace", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("media_type", String(127), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("sample_type", String(32), nullable=False),
    Column("source", String(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("lines", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("user", String(64), index=True),  # who made it; NULL: nobody knows
    Index(None, "workspace", "number"),
    Index(None, "expires"),
)

_FIELDS = [files.c[name] for name in StoredFile.__slots__]


class SqlFiles:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, file: StoredFile, most: int) -> None:
        with self._database.write() as connection:
            mine = select(func.count()).where(files.c.workspace == file.workspace)
            if connection.execute(mine).scalar_one() >= most:
                raise TooLarge(f"there are {most} files already.", where="file", hint="Delete some.")
            insert_file(connection, file)

    def find(self, id: str, workspace: str | None = None) -> StoredFile | None:
        wanted = [files.c.id == id, *([files.c.workspace == workspace] if workspace is not None else [])]
        with self._database.read() as connection:
            row = connection.execute(select(*_FIELDS).where(*wanted, _alive())).first()
        return None if row is None else _file(row)

    def remove(self, id: str, workspace: str) -> bool:
        with self._database.write() as connection:
            done = connection.execute(
                delete(files).where(files.c.id == id, files.c.workspace == workspace, _alive()).returning(files.c.id)
            )
            return done.first() is not None

    def page(self, workspace: str, which: FileFilter, window: Window) -> FilePage:
        wanted = [files.c.workspace == workspace, _alive(), *_conditions(which)]
        number = files.c.number
        order = number.desc() if window.newest_first else number
        query = select(*_FIELDS).where(*wanted).order_by(order).limit(window.limit + 1).offset(window.skip)
        with self._database.read() as connection:
            if window.after is not None:
                last = select(number).where(files.c.id == window.after, files.c.workspace == workspace)
                place = connection.execute(last).scalar()
                if place is None:
                    raise NotFound(f"there is no file {window.after!r} here.", where="after")
                query = query.where(number < place if window.newest_first else number > place)
            rows = connection.execute(query).all()
            total = connection.execute(select(func.count()).select_from(files).where(*wanted)).scalar_one()
        return FilePage([_file(row) for row in rows[: window.limit]], len(rows) > window.limit, total)

    def remove_expired(self) -> Sequence[str]:
        with self._database.write() as connection:
            return connection.execute(delete(files).where(~_alive()).returning(files.c.id)).scalars().all()

    def known(self, ids: Sequence[str]) -> set[str]:
        with self._database.read() as connection:
            return {
                id
                for first in range(0, len(ids), 500)  # a statement has a limited number of parameters
                for id in connection.execute(
                    select(files.c.id).where(files.c.id.in_(ids[first : first + 500]))
                ).scalars()
            }


def insert_file(connection: Connection, file: StoredFile) -> None:
    connection.execute(insert(files).values({name: getattr(file, name) for name in StoredFile.__slots__}))


def _alive() -> ColumnElement[bool]:
    return files.c.expires.is_(None) | (files.c.expires > int(time.time()))


def _conditions(which: FileFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.purpose is not None:
        conditions.append(files.c.purpose == which.purpose)
    for column, values in (
        (files.c.sample_type, which.sample_types),
        (files.c.source, which.sources),
        (files.c.media_type, which.media_types),
    ):
        if values is not None:
            conditions.append(column.in_(values))
    if which.search is not None:
        conditions.append(files.c.name.icontains(which.search, autoescape=True))
    return conditions


def _file(row: Row[Any]) -> StoredFile:
    return StoredFile(**row._mapping)
