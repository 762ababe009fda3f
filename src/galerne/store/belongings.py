"""Folders of chats and saved prompts, in a table for each. Fills the port `Belongings`."""

from __future__ import annotations

from typing import Any, Generic

from sqlalchemy import Column, Double, Index, Row, String, Table, Text, delete, func, insert, select, update

from galerne.assistant.belongings import Thing
from galerne.assistant.chats import Owner
from galerne.errors import NotFound, TooLarge
from galerne.protocol.messages import ProtocolModel
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.owned import owned


def _table(name: str, *texts: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", String(64), primary_key=True),
        Column("workspace", String(64), nullable=False),
        Column("user", String(64), nullable=False),
        Column("created_at", Double, nullable=False),  # seconds since 1970
        *(Column(text, Text, nullable=False) for text in texts),
        Index(None, "workspace", "user"),
    )


folders = _table("chat_folders", "name")
prompts = _table("saved_prompts", "title", "content")


class SqlBelongings(Generic[Thing]):
    """The things of one kind; their first text is their name."""

    def __init__(self, database: Database, table: Table, kind: type[Thing]) -> None:
        self._database = database
        self._table = table
        self._kind = kind

    def add(self, owner: Owner, thing: Thing, most: int) -> None:
        with self._database.write() as connection:
            mine = select(func.count()).select_from(self._table).where(owned(self._table, owner))
            if connection.execute(mine).scalar_one() >= most:
                raise TooLarge(f"there are {most} already.", hint="Delete some.")
            row = thing.model_dump(exclude={"object"}, exclude_none=True) | {
                "workspace": owner.workspace,
                "user": owner.user,
            }
            connection.execute(insert(self._table).values(row))

    def list(self, owner: Owner) -> list[Thing]:
        with self._database.read() as connection:
            rows = connection.execute(select(self._table).where(owned(self._table, owner))).all()
        return sorted(map(self._thing, rows), key=lambda thing: (thing.label.casefold(), thing.id))

    def change(self, owner: Owner, id: str, fields: ProtocolModel) -> Thing:
        mine = owned(self._table, owner) & (self._table.c.id == id)
        with self._database.write() as connection:
            changed = (
                update(self._table)
                .where(mine)
                .values(fields.model_dump(exclude_none=True) | {"id": self._table.c.id})
                .returning(self._table)
            )
            return self._thing(self._there(connection.execute(changed).one_or_none(), id))

    def delete(self, owner: Owner, id: str) -> None:
        mine = owned(self._table, owner) & (self._table.c.id == id)
        with self._database.write() as connection:
            self._there(connection.execute(delete(self._table).where(mine).returning(self._table)).one_or_none(), id)

    def _there(self, row: Row[Any] | None, id: str) -> Row[Any]:
        if row is None:
            raise NotFound(f"there is no {self._kind.__name__.lower()} {id[:100]!r} here.")
        return row

    def _thing(self, row: Row[Any]) -> Thing:
        return self._kind.model_validate(
            {name: row._mapping[name] for name in self._kind.model_fields if name in row._mapping}
        )
