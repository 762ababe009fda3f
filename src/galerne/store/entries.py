"""Entries of threads: rows that know the one before them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pydantic import TypeAdapter
from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    String,
    Table,
    Text,
    delete,
    exists,
    insert,
    literal,
    select,
    update,
)

from galerne.protocol.entries import AgentHandoffEntry, Entry, blanked, unnamed
from galerne.store.metadata import metadata

entries = Table(
    "entries",
    metadata,
    Column("id", String, primary_key=True),
    Column("parent", ForeignKey("entries.id"), index=True),  # the entry before; none before the first one
    Column("body", Text, nullable=False),  # JSON
    Column("user", String(64), index=True),  # whose turn it was; NULL: nobody knows
)

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)
_HANDOFF = '"type":"agent.handoff"'
"""In the JSON of every hand-off."""


def insert_entries(connection: Connection, head: str | None, added: Sequence[Entry], user: str | None) -> str | None:
    """Put entries of this user's turn behind `head`; the last one's id."""
    for entry in added:
        assert entry.id is not None
        row = {"id": entry.id, "parent": head, "body": _ENTRY.dump_json(entry).decode(), "user": user}
        connection.execute(insert(entries).values(row))
        head = entry.id
    return head


def read_entries(connection: Connection, head: str | None) -> list[Entry]:
    """All entries up to this one, the first one first."""
    line = select(entries, literal(0).label("depth")).where(entries.c.id == head).cte("line", recursive=True)
    line = line.union_all(select(entries, line.c.depth + 1).join(line, entries.c.id == line.c.parent))
    rows = connection.execute(select(line.c.body).order_by(line.c.depth.desc()))
    return [_ENTRY.validate_json(body) for body in rows.scalars()]


def blank_entries(connection: Connection, user: str) -> int:
    """Take out what was said in this user's turns, where others go on from it. Says in how many."""
    theirs = connection.execute(select(entries.c.id, entries.c.body).where(entries.c.user == user)).all()
    for row in theirs:
        body = _ENTRY.dump_json(blanked(_ENTRY.validate_json(row.body))).decode()
        connection.execute(update(entries).where(entries.c.id == row.id).values(body=body, user=None))
    return len(theirs)


def blank_names(connection: Connection, names: Mapping[str, Collection[str]]) -> int:
    """Take these names of agents, by their ids, out of hand-offs. Says out of how many."""
    if not names:
        return 0
    blanked_ones = 0
    for row in connection.execute(select(entries.c.id, entries.c.body).where(entries.c.body.contains(_HANDOFF))).all():
        entry = _ENTRY.validate_json(row.body)
        if isinstance(entry, AgentHandoffEntry) and (nameless := unnamed(entry, names)) is not entry:
            body = _ENTRY.dump_json(nameless).decode()
            connection.execute(update(entries).where(entries.c.id == row.id).values(body=body))
            blanked_ones += 1
    return blanked_ones


def delete_entries(connection: Connection, head: str | None, heads: Column[str]) -> None:
    """Delete the entries up to this one that nothing leads to any more: no other entry, and none of `heads`."""
    free = ~exists().where(heads == entries.c.id)
    after = entries.alias("after")
    leaf = ~exists().where(after.c.parent == entries.c.id)
    dead = select(entries.c.id, entries.c.parent).where(entries.c.id == head, free, leaf).cte("dead", recursive=True)
    alone = ~exists().where(after.c.parent == entries.c.id, after.c.id != dead.c.id)
    above = select(entries.c.id, entries.c.parent).join(dead, entries.c.id == dead.c.parent).where(free, alone)
    dead = dead.union_all(above)
    connection.execute(delete(entries).where(entries.c.id.in_(select(dead.c.id))))
