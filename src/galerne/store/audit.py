"""The audit log, and the keys of the people in it. Fills the port `AuditLog`."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Index,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
)

from galerne.ledger.audit import (
    PERSONAL,
    SERVER,
    Action,
    AuditFilter,
    AuditPage,
    Event,
    Party,
    Retention,
    event_body,
)
from galerne.ledger.canonical import canonical
from galerne.ledger.chain import CHECKPOINT, EMPTY, Head, checkpoint
from galerne.ledger.sealing import Seal, new_seal, opened, sealed
from galerne.ledger.signing import SigningKey
from galerne.store.database import Database
from galerne.store.log_table import Entry, LogTable
from galerne.store.metadata import metadata
from galerne.store.prepared import Prepared, numbered, padded, places

_PAGE = 1000

ERASED = "erased"
"""The kind of a party that was a person."""

_LONGEST = 128  # characters of an id that are searched

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("record", Text, nullable=False),
    # What follows is in the record, too: it is here to be searched.
    Column("time", DateTime(timezone=True), nullable=False),
    Column("retention", String(16), nullable=False),
    Column("action", String(32), nullable=False),
    Column("actor", String(_LONGEST)),
    Column("object", String(_LONGEST)),
    Column("workspace", String(64)),
    Index("ix_audit_retention_time", "retention", "time"),
    Index("ix_audit_actor", "actor", "number"),
    Index("ix_audit_object", "object", "number"),
)

people = Table(
    "audit_people",
    metadata,
    Column("id", String(64), primary_key=True),  # the digest of who it is: `_person`
    Column("pseudonym", String(40), nullable=False, unique=True),
    Column("key", LargeBinary, nullable=False),
)

audit_log = LogTable(audit, lock=4_716_238_061)


def append_events(connection: Connection, events: Sequence[tuple[Event, datetime]], key: SigningKey) -> Head:
    """Write the next records, at least one, in the caller's transaction. Returns the head with them."""
    audit_log.lock(connection)
    seals = _seals(connection, [party for event, _ in events for party in (event.actor, event.object) if party])
    entries = []
    for event, time in events:
        actor = _kept(event.actor, seals)
        thing = None if event.object is None else _kept(event.object, seals)
        columns = {
            "time": time,
            "retention": event.action.retention.value,
            "action": event.action.value,
            "actor": _searched(actor["id"]),
            "object": None if thing is None else _searched(thing["id"]),
            "workspace": event.workspace,
        }
        entries.append(Entry(event_body(event, time, actor, thing), columns))
    return audit_log.append(connection, entries, key)[-1]


def forget_email(connection: Connection, email: str) -> None:
    """Let nobody read any more that somebody was refused under this address. Records stay as they are."""
    connection.execute(delete(people).where(people.c.id == _person(Party("email", email))))


class SqlAuditLog:
    def __init__(
        self, database: Database, key: SigningKey, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._key = key
        self._clock = clock

    def record(self, event: Event) -> None:
        with self._database.write() as connection:
            append_events(connection, [(event, self._clock())], self._key)

    def page(self, which: AuditFilter, limit: int, before: int | None = None) -> AuditPage:
        with self._database.read() as connection:
            fits = [audit.c.action != CHECKPOINT, *_conditions(connection, which)]
            wanted = select(audit.c.number, audit.c.record).where(*fits)
            if before is not None:
                wanted = wanted.where(audit.c.number < before)
            rows = connection.execute(wanted.order_by(audit.c.number.desc()).limit(limit + 1)).all()
            records = [json.loads(row.record) for row in rows[:limit]]
            keys = _keys(connection, records)
        return AuditPage(
            [_readable(record, keys) for record in records], rows[limit - 1].number if len(rows) > limit else None
        )

    def readable(self) -> Iterator[dict[str, Any]]:
        last = -1
        while True:
            fits = select(audit.c.number, audit.c.record).where(audit.c.action != CHECKPOINT, audit.c.number > last)
            with self._database.read() as connection:
                rows = connection.execute(fits.order_by(audit.c.number).limit(_PAGE)).all()
                records = [json.loads(row.record) for row in rows]
                keys = _keys(connection, records)
            yield from (_readable(record, keys) for record in records)
            if len(rows) < _PAGE:
                return
            last = rows[-1].number

    def erase(self, person: Party, by: Event, removed: Mapping[str, int]) -> tuple[str | None, Head | None]:
        known = delete(people).where(people.c.id == _person(person)).returning(people.c.pseudonym)
        with self._database.write() as connection:
            pseudonym = connection.execute(known).scalar()
            if pseudonym is None and not removed:
                return None, None
            event = replace(by, object=Party(ERASED, pseudonym), details={**by.details, **removed})
            head = append_events(connection, [(event, self._clock())], self._key)
        self._database.forget()
        return pseudonym, head

    def prune(self, before: Mapping[Retention, datetime]) -> int:
        with self._database.write() as connection:
            audit_log.lock(connection)
            now, count = self._clock(), 0
            for run in _runs(connection, before):
                count += sum(row.action != CHECKPOINT for row in run.rows)
                self._replace(connection, run, now)
            if count:
                pruned = Event(Action.AUDIT_PRUNED, SERVER, details={"records": count})
                append_events(connection, [(pruned, now)], self._key)
        return count

    def _replace(self, connection: Connection, run: _Run, now: datetime) -> None:
        """Let a checkpoint stand for a run of records."""
        last = run.rows[-1]
        record = checkpoint(
            run.before, Head(last.number + 1, last.digest), now.isoformat(timespec="milliseconds"), self._key
        )
        connection.execute(delete(audit).where(audit.c.number.between(run.before.size, last.number)))
        row = {"number": last.number, "digest": last.digest, "record": canonical(record).decode(), "time": now}
        connection.execute(insert(audit).values(**row, retention=CHECKPOINT, action=CHECKPOINT))

    def lines(self) -> Iterator[str]:
        with self._database.read() as connection:
            yield from audit_log.lines(connection)

    def head(self) -> Head:
        with self._database.read() as connection:
            return audit_log.head(connection)


@dataclass(frozen=True, slots=True)
class _Run:
    """Records that follow each other and whose time is over. `_runs` sets every field."""

    before: Head
    rows: Sequence[Row[Any]]


def _runs(connection: Connection, before: Mapping[Retention, datetime]) -> list[_Run]:
    """Checkpoints from earlier times are part of the runs that they lie in."""
    over = or_(*(and_(audit.c.retention == each.value, audit.c.time < time) for each, time in before.items()))
    last = connection.execute(select(func.max(audit.c.number)).where(over)).scalar()
    if last is None:
        return []
    columns = (audit.c.number, audit.c.digest, audit.c.action, over.label("over"))
    rows = connection.execute(select(*columns).where(audit.c.number <= last).order_by(audit.c.number))
    runs, head = [], EMPTY
    for gone, group in itertools.groupby(rows, lambda row: row.over or row.action == CHECKPOINT):
        run = list(group)
        if gone and any(row.over for row in run):
            runs.append(_Run(head, run))
        head = Head(run[-1].number + 1, run[-1].digest)
    return runs


def _kept(party: Party, seals: Mapping[str, Seal]) -> dict[str, Any]:
    """A party as it stands in a record: people under a pseudonym."""
    if not party.is_personal:
        return {"kind": party.kind, "id": party.id}
    return sealed(party, seals[_person(party)])


def _seals(connection: Connection, parties: Iterable[Party]) -> dict[str, Seal]:
    """The keys of the people among these; each gets one with their first record."""
    wanted = {_person(party) for party in parties if party.is_personal}
    if not wanted:
        return {}
    listed = padded(wanted)
    known = _people(len(listed)).rows(connection, numbered({"id": id} for id in listed))
    seals = {row.id: Seal(row.pseudonym, row.key) for row in known}
    fresh = {id: new_seal() for id in sorted(wanted - seals.keys())}
    if fresh:
        rows = [{"id": id, "pseudonym": seal.pseudonym, "key": seal.key} for id, seal in fresh.items()]
        connection.execute(insert(people), rows)
    return seals | fresh


@cache
def _people(count: int) -> Prepared:
    """The statement that finds so many people."""
    return Prepared(select(people).where(people.c.id.in_(places("id", count))))


def _conditions(connection: Connection, which: AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, id in ((audit.c.actor, which.actor), (audit.c.object, which.object)):
        if id is not None:
            conditions.append(column.in_(_names(connection, id)))
    if which.action is not None:
        action = which.action
        conditions.append(or_(audit.c.action == action, audit.c.action.startswith(f"{action}.", autoescape=True)))
    if which.workspace is not None:
        conditions.append(audit.c.workspace == which.workspace)
    if which.since is not None:
        conditions.append(audit.c.time >= which.since)
    if which.until is not None:
        conditions.append(audit.c.time < which.until)
    return conditions


def _names(connection: Connection, id: str) -> list[str | None]:
    """What stands for an id in records: itself, or the pseudonyms of people with it."""
    wanted = select(people.c.pseudonym).where(people.c.id.in_([_person(Party(kind, id)) for kind in PERSONAL]))
    return [_searched(id), *connection.execute(wanted).scalars()]


def _person(party: Party) -> str:
    """Under what a person is looked up."""
    return hashlib.sha256(f"{party.kind}:{party.id or ''}".encode(errors="surrogatepass")).hexdigest()


def _searched(id: str | None) -> str | None:
    """An id as the columns have it: records have all of it."""
    return None if id is None else id[:_LONGEST]


def _keys(connection: Connection, records: Sequence[dict[str, Any]]) -> dict[str, bytes]:
    """The keys of the people in these records, by pseudonym, as far as there still are any."""
    named = {party["id"] for record in records for party in _parties(record) if "sealed" in party}
    rows = connection.execute(select(people.c.pseudonym, people.c.key).where(people.c.pseudonym.in_(named)))
    return {row.pseudonym: row.key for row in rows}


def _readable(record: dict[str, Any], keys: dict[str, bytes]) -> dict[str, Any]:
    for name in ("actor", "object"):
        party = record.get(name)
        if party is not None and "sealed" in party:
            record[name] = opened(party, keys.get(party["id"]))
    return record


def _parties(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [party for name in ("actor", "object") if (party := record.get(name)) is not None]
