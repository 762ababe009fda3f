"""People are erased, records grow old: the log stays whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.store.test_audit import ANNA, KEY, Clock

from galerne.errors import NotFound
from galerne.flows.erasure import Erasure
from galerne.identity.directory import UserKind, Workspace, new_user
from galerne.identity.keys import digest_of, make_key
from galerne.identity.permissions import Role
from galerne.ledger.audit import SERVER, Action, AuditFilter, Event, Party, Retention
from galerne.ledger.chain import CHECKPOINT, Head, faults
from galerne.store.audit import SqlAuditLog, people
from galerne.store.contents import ContentFolder
from galerne.store.database import Database
from galerne.store.directory import SqlDirectory
from galerne.store.erasure import SqlErasable
from galerne.store.keys import SqlKeys

NOW = datetime(2026, 11, 25, tzinfo=UTC)
BY = Event(Action.USER_ERASED, Party("operator", "root"))


@pytest.fixture
def log(database: Database) -> SqlAuditLog:
    log = SqlAuditLog(database, KEY, Clock())
    log.record(Event(Action.SERVER_STARTED, SERVER))
    for action in (Action.SESSION_BEGUN, Action.FILE_READ, Action.SESSION_ENDED):
        log.record(Event(action, ANNA))
    log.record(Event(Action.SESSION_BEGUN, Party("user", "user-bert")))
    return log


def whole(log: SqlAuditLog, *heads: Head) -> bool:
    return not list(faults(map(json.loads, log.lines()), KEY.public, [log.head(), *heads]))


def test_who_is_erased_is_nobody_in_a_log_that_is_whole(log: SqlAuditLog) -> None:
    before = log.head()
    certificate = Erasure([], log, KEY).erase(ANNA, BY)
    erased, *others = log.page(AuditFilter(), 10).records
    assert [record["actor"].get("erased") for record in others] == [None, True, True, True, None]
    assert log.page(AuditFilter(actor="user-anna"), 10).records == []
    assert erased["object"] == {"kind": "erased", "id": certificate["person"]}
    assert whole(log, before)
    assert KEY.public.verifies(certificate)
    assert certificate["audit"] == {"size": 6, "last": log.head().last}


def test_the_key_of_who_is_erased_is_in_no_file_of_the_database(sqlite: Database, tmp_path: Path) -> None:
    log = SqlAuditLog(sqlite, KEY)
    for number in range(100):
        log.record(Event(Action.SESSION_BEGUN, Party("user", f"user-{number}")))
    log.record(Event(Action.SESSION_BEGUN, ANNA))
    with sqlite.read() as connection:
        key = connection.execute(select(people.c.key).order_by(people.c.pseudonym)).scalars().all()
    assert sum(each in everything(tmp_path) for each in key) == 101
    Erasure([], log, KEY).erase(ANNA, BY)
    assert sum(each in everything(tmp_path) for each in key) == 100


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("galerne.db*"))


def test_what_belongs_to_a_user_goes_and_is_counted(database: Database, tmp_path: Path) -> None:
    log, directory, keys = SqlAuditLog(database, KEY), SqlDirectory(database), SqlKeys(database)
    directory.add_workspace(Workspace("town", directory.organisation().id, "Town", NOW))
    anna, bert = (
        new_user(UserKind.PERSON, directory.workspace("town"), Role.MEMBER, name, f"{name}@example.org", NOW)
        for name in ("anna", "bert")
    )
    for user in (anna, bert):
        directory.add_user(user)
        secret, key = make_key("a key", user, None, NOW, None)
        keys.add(key, digest_of(secret))
    contents = ContentFolder(tmp_path / "files", reserve=0, upload_seconds=1)
    certificate = Erasure([SqlErasable(database, contents, contents)], log, KEY).erase(Party("user", anna.id), BY)
    assert certificate["removed"] == {"keys": 1, "users": 1}
    with pytest.raises(NotFound):
        directory.user(anna.id)
    assert [key.user for key in keys.page(None, 0, 9)] == [bert.id]


def test_nobody_is_erased_twice(log: SqlAuditLog) -> None:
    erasure = Erasure([], log, KEY)
    erasure.erase(ANNA, BY)
    head = log.head()
    with pytest.raises(NotFound):
        erasure.erase(ANNA, BY)
    assert log.head() == head


def test_somebody_who_comes_back_is_somebody_else(log: SqlAuditLog) -> None:
    person = Erasure([], log, KEY).erase(ANNA, BY)["person"]
    log.record(Event(Action.SESSION_BEGUN, ANNA))
    (record,) = log.page(AuditFilter(actor="user-anna"), 10).records
    assert record["actor"]["pseudonym"] != person


def pruned(log: SqlAuditLog, **minutes: int) -> int:
    start = datetime(2026, 11, 25, 15, 4, 30, tzinfo=UTC)
    return log.prune({Retention(name): start + timedelta(minutes=count) for name, count in minutes.items()})


def kinds(log: SqlAuditLog) -> list[str]:
    return [record.get("action", record["kind"]) for record in map(json.loads, log.lines())]


def test_a_checkpoint_stands_for_what_grew_old(log: SqlAuditLog) -> None:
    before = log.head()
    assert pruned(log, operation=100, access=3, data=100) == 3
    assert kinds(log) == [CHECKPOINT, "session.ended", "session.begun", "audit.pruned"]
    assert whole(log, before, Head(1, "of no use any more"))
    assert [record["action"] for record in log.page(AuditFilter(), 10).records][-1] == "session.ended"


def test_each_class_has_its_time(log: SqlAuditLog) -> None:
    assert pruned(log, data=100) == 1
    assert kinds(log) == [
        "server.started",
        "session.begun",
        CHECKPOINT,
        "session.ended",
        "session.begun",
        "audit.pruned",
    ]
    assert pruned(log, access=100, operation=1) == 3
    assert kinds(log) == ["server.started", CHECKPOINT, "audit.pruned", "audit.pruned"]
    assert whole(log)
    assert pruned(log, operation=100) == 1
    assert kinds(log)[0] == CHECKPOINT
    assert whole(log)


def test_nothing_old_is_nothing_done(log: SqlAuditLog) -> None:
    head = log.head()
    assert pruned(log, access=0, data=0, operation=0) == 0
    assert log.head() == head


def test_what_is_changed_beside_a_checkpoint_is_found(log: SqlAuditLog) -> None:
    pruned(log, data=100)
    records = [json.loads(line) for line in log.lines()]
    without = [record for record in records if record["kind"] != CHECKPOINT]
    longer = [{**record, "size": 9} if record["kind"] == CHECKPOINT else record for record in records]
    assert [fault.index for fault in faults(without, KEY.public)] == [2]
    assert next(faults(longer, KEY.public)).index == 2
