"""Agents and their versions: fills the port `AgentStore`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from galerne.agents.agent import Agent, AgentChoice, AgentWindow, Alias
from galerne.agents.threads import now
from galerne.errors import NotFound
from galerne.protocol.agents import AgentDefinition
from galerne.store.database import Database
from galerne.store.labels import labelled, put_labels
from galerne.store.metadata import metadata as tables

agents = Table(
    "agents",
    tables,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("created_at", Double, nullable=False),  # seconds since 1970
    Column("version", Integer, nullable=False),  # the current one
    Column("latest", Integer, nullable=False),
    Column("name", String, nullable=False),  # in it
    Column("offered", Boolean, nullable=False),
    Column("user", String(64), index=True),  # who made it; NULL: nobody knows
    Index(None, "workspace", "created_at"),
)
versions = Table(
    "agent_versions",
    tables,
    Column("agent", ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("definition", Text, nullable=False),  # JSON
    Column("user", String(64), index=True),  # who made it; NULL: nobody knows
)
aliases = Table(
    "agent_aliases",
    tables,
    Column("agent", ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
    Column("alias", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)


_ALL = select(
    agents,
    versions.c.version.label("number"),
    versions.c.created_at.label("updated_at"),
    versions.c.definition,
    versions.c.user.label("maker"),
).join(versions, versions.c.agent == agents.c.id)


class SqlAgents:
    """Agents in tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, agent: Agent) -> None:
        with self._database.write() as connection:
            row = insert(agents).values(
                id=agent.id,
                workspace=agent.workspace,
                created_at=agent.created_at.timestamp(),
                version=agent.version,
                latest=agent.latest,
                name=agent.definition.name,
                offered=agent.offered,
                user=agent.user,
            )
            connection.execute(row)
            _keep_version(connection, agent.id, agent.version, agent.updated_at, agent.definition, agent.user)
            put_labels(connection, agent.id, agent.definition.metadata or {})

    def find(self, workspace: str, id: str, version: int | str | None = None) -> Agent:
        with self._database.read() as connection:
            return _find(connection, workspace, id, version)

    def page(self, workspace: str, which: AgentChoice, window: AgentWindow) -> Sequence[Agent]:
        order = tuple_(agents.c.created_at, agents.c.id)
        newest = _ALL.where(agents.c.workspace == workspace, versions.c.version == agents.c.version, *_wanted(which))
        if window.behind is not None:
            newest = newest.where(order < tuple_(*window.behind))
        newest = newest.order_by(agents.c.created_at.desc(), agents.c.id.desc()).limit(window.most).offset(window.skip)
        with self._database.read() as connection:
            return [_agent(row) for row in connection.execute(newest)]

    def versions(self, workspace: str, id: str, first: int, most: int) -> Sequence[Agent]:
        newest = _ALL.where(agents.c.id == id).order_by(versions.c.version.desc()).limit(most).offset(first)
        with self._database.read() as connection:
            _find(connection, workspace, id)
            return [_agent(row) for row in connection.execute(newest)]

    def change(
        self,
        workspace: str,
        id: str,
        new: Callable[[AgentDefinition], AgentDefinition],
        offered: bool | None,
        user: str | None = None,
    ) -> Agent:
        with self._database.write() as connection:
            _lock(connection, id)
            agent = _find(connection, workspace, id)
            definition = new(agent.definition)
            version = agent.version
            if definition != agent.definition:
                version = agent.latest + 1
                _keep_version(connection, id, version, now(), definition, user)
                connection.execute(update(agents).where(agents.c.id == id).values(latest=version))
            if offered is not None:
                connection.execute(update(agents).where(agents.c.id == id).values(offered=offered))
            return _switch(connection, workspace, id, version)

    def switch(self, workspace: str, id: str, version: int) -> Agent:
        with self._database.write() as connection:
            _lock(connection, id)
            return _switch(connection, workspace, id, version)

    def name(self, workspace: str, id: str, alias: str, version: int) -> Alias:
        time = now()
        with self._database.write() as connection:
            _lock(connection, id)
            _find(connection, workspace, id, version)
            this = (aliases.c.agent == id, aliases.c.alias == alias)
            moved = update(aliases).where(*this).values(version=version, updated_at=time.timestamp())
            if connection.execute(moved).rowcount:
                return _alias(connection.execute(select(aliases).where(*this)).one())
            connection.execute(
                insert(aliases).values(
                    agent=id, alias=alias, version=version, created_at=time.timestamp(), updated_at=time.timestamp()
                )
            )
            return Alias(alias, version, time, time)

    def aliases(self, workspace: str, id: str) -> Sequence[Alias]:
        with self._database.read() as connection:
            _find(connection, workspace, id)
            rows = connection.execute(select(aliases).where(aliases.c.agent == id).order_by(aliases.c.alias))
            return [_alias(row) for row in rows]

    def forget(self, workspace: str, id: str, alias: str) -> None:
        with self._database.write() as connection:
            _find(connection, workspace, id)
            gone = delete(aliases).where(aliases.c.agent == id, aliases.c.alias == alias)
            if not connection.execute(gone).rowcount:
                raise _no_version(alias)

    def delete(self, workspace: str, id: str) -> None:
        with self._database.write() as connection:
            _find(connection, workspace, id)
            connection.execute(delete(agents).where(agents.c.id == id))
            put_labels(connection, id, {})


def names_given(connection: Connection, user: str) -> Mapping[str, Collection[str]]:
    """What a user called agents, by their ids: all names of their own, and those of others' that nobody else gave."""
    touched = select(versions.c.agent).where(versions.c.user == user)
    found = select(versions.c.agent, versions.c.definition, versions.c.user, agents.c.user.label("owner")).join(agents)
    theirs, others = defaultdict(set), set()
    for row in connection.execute(found.where(or_(agents.c.user == user, versions.c.agent.in_(touched)))):
        name = json.loads(row.definition)["name"]
        if user in (row.user, row.owner):
            theirs[row.agent].add(name)
        else:
            others.add((row.agent, name))
    return {agent: {name for name in names if (agent, name) not in others} for agent, names in theirs.items()}


def erase_versions(connection: Connection, user: str) -> int:
    """Delete the versions that a user gave to others' agents, which fall back to their newest one. Says how many."""
    changed = select(agents.c.id, agents.c.workspace, agents.c.version).join(versions).where(versions.c.user == user)
    found = connection.execute(changed.distinct()).all()
    gone = connection.execute(delete(versions).where(versions.c.user == user)).rowcount
    for agent in found:
        left = select(versions.c.version).where(versions.c.agent == agent.id)
        connection.execute(delete(aliases).where(aliases.c.agent == agent.id, aliases.c.version.not_in(left)))
        numbers = connection.execute(left).scalars().all()
        version = agent.version if agent.version in numbers else max(numbers)
        connection.execute(update(agents).where(agents.c.id == agent.id).values(version=version))
        _switch(connection, agent.workspace, agent.id, version)
    return gone


def _lock(connection: Connection, id: str) -> None:
    """Whoever else changes this agent waits."""
    connection.execute(select(agents.c.id).where(agents.c.id == id).with_for_update())


def _find(connection: Connection, workspace: str, id: str, version: int | str | None = None) -> Agent:
    mine = _ALL.where(agents.c.workspace == workspace, agents.c.id == id)
    if version is None:
        row = connection.execute(mine.where(versions.c.version == agents.c.version)).one_or_none()
        if row is None:
            raise NotFound(f"there is no agent {id[:100]!r} here.")
        return _agent(row)
    _find(connection, workspace, id)
    row = connection.execute(mine.where(versions.c.version == _number(id, version))).one_or_none()
    if row is None:
        raise _no_version(version)
    return _agent(row)


def _number(id: str, version: int | str) -> Any:
    """A version's number; a query for it where there is but an alias."""
    if isinstance(version, int) or version.isdecimal():
        return int(str(version)[:9])  # what the column can hold
    named = select(aliases.c.version).where(aliases.c.agent == id, aliases.c.alias == version)
    return named.scalar_subquery()


def _switch(connection: Connection, workspace: str, id: str, version: int) -> Agent:
    definition = _find(connection, workspace, id, version).definition
    connection.execute(update(agents).where(agents.c.id == id).values(version=version, name=definition.name))
    put_labels(connection, id, definition.metadata or {})
    return _find(connection, workspace, id)


def _keep_version(
    connection: Connection, id: str, version: int, time: datetime, definition: AgentDefinition, user: str | None
) -> None:
    text = definition.model_dump_json(exclude_unset=True, by_alias=True)
    row = {"agent": id, "version": version, "created_at": time.timestamp(), "definition": text, "user": user}
    connection.execute(insert(versions).values(row))


def _wanted(which: AgentChoice) -> Sequence[ColumnElement[bool]]:
    wanted = [labelled(agents.c.id, which.metadata)]
    if which.offered is not None:
        wanted.append(agents.c.offered == which.offered)
    if which.name is not None:
        wanted.append(agents.c.name == which.name)
    if which.id is not None:
        wanted.append(agents.c.id == which.id)
    if which.search is not None:
        part = which.search.lower()
        found = (func.lower(column).contains(part, autoescape=True) for column in (agents.c.name, agents.c.id))
        wanted.append(or_(*found))
    return wanted


def _agent(row: Row[Any]) -> Agent:
    return Agent(
        id=row.id,
        workspace=row.workspace,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        updated_at=datetime.fromtimestamp(row.updated_at, UTC),
        version=row.number,
        latest=row.latest,
        offered=row.offered,
        definition=AgentDefinition.model_validate_json(row.definition),
        user=row.maker,
    )


def _alias(row: Row[Any]) -> Alias:
    created, updated = (datetime.fromtimestamp(time, UTC) for time in (row.created_at, row.updated_at))
    return Alias(row.alias, row.version, created, updated)


def _no_version(version: int | str) -> NotFound:
    return NotFound(f"the agent has no version {str(version)[:100]!r}.", where="version")
