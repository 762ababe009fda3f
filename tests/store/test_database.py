"""One database: whole transactions or none, and clear words for addresses that are none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError
from tests.store.side_by_side import side_by_side

from galerne.errors import DatabaseUnavailable, DiskFull, SettingsError
from galerne.store.database import Database
from galerne.store.schema import upgrade


def test_a_transaction_is_kept_as_a_whole_or_not_at_all(empty_database: Database) -> None:
    with empty_database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")

    def fail_after_writing() -> None:
        with empty_database.write() as connection:
            connection.exec_driver_sql("INSERT INTO numbers VALUES (1)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_after_writing()
    with empty_database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM numbers").scalar() == 0


def test_writers_in_threads_take_turns(empty_database: Database) -> None:
    with empty_database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (value INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")

    def count(_number: int) -> None:
        for _ in range(20):
            with empty_database.write() as connection:
                connection.exec_driver_sql("UPDATE counter SET value = value + 1")

    side_by_side(count, range(4))
    with empty_database.read() as connection:
        assert connection.exec_driver_sql("SELECT value FROM counter").scalar() == 80


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://host/name", "oracle://host/name", "sqlite+none:///x", "sqlite://", "sqlite:///:memory:"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        Database(url)


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    database = Database("postgresql://user:secret@127.0.0.1:9/galerne")
    with pytest.raises(SettingsError, match="does not answer") as refusal:
        upgrade(database)
    assert "secret" not in str(refusal.value)
    database.close()


def test_the_file_of_a_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new/galerne.db")
    upgrade(database)
    database.close()
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "galerne.db").stat().st_mode & 0o077 == 0


def test_a_disk_without_room_is_said_to_be_full(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/galerne.db")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE texts (text TEXT)")
        connection.exec_driver_sql("PRAGMA max_page_count=2")
    with pytest.raises(DiskFull, match="no room"), database.write() as connection:
        connection.exec_driver_sql("INSERT INTO texts VALUES (?)", ("x" * 100_000,))
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM texts").scalar() == 0
    database.close()


def test_a_database_that_another_program_keeps_is_worth_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("galerne.store.database.PRAGMAS", ("journal_mode=WAL", "busy_timeout=1"))
    first, second = (Database(f"sqlite:///{tmp_path}/galerne.db") for _ in range(2))
    with first.write(), pytest.raises(DatabaseUnavailable, match="locked"), second.write():
        pass
    first.close()
    second.close()


def test_a_fault_of_the_program_is_none_of_the_database(empty_database: Database) -> None:
    with pytest.raises(DatabaseError), empty_database.read() as connection:
        connection.exec_driver_sql("SELECT * FROM nowhere")


def _count(database: Database) -> int:
    with database.write(durable=False) as connection:
        connection.exec_driver_sql("UPDATE counter SET value = value + 1")
    with database.read() as connection:
        return int(connection.exec_driver_sql("SELECT value FROM counter").scalar() or 0)


async def test_a_lane_and_what_is_at_hand_see_what_others_write(empty_database: Database) -> None:
    with empty_database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (value INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")
    lane, at_hand = empty_database.lane(), empty_database.at_hand()
    both = [(database, each) for each in range(10) for database in (lane, at_hand)]
    seen = [await database.run(_count, database) for database, _ in both]
    assert seen == list(range(1, 21))
    assert _count(empty_database) == 21
    all_at_once = await asyncio.gather(*(lane.run(_count, lane) for _ in range(20)))
    assert max(all_at_once) == 41


async def test_what_fails_in_a_lane_is_undone_and_told(empty_database: Database) -> None:
    with empty_database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (value INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")
    lane = empty_database.lane()

    def fail() -> None:
        with lane.write() as connection:
            connection.exec_driver_sql("UPDATE counter SET value = 7")
            connection.exec_driver_sql("SELECT * FROM nowhere")

    with pytest.raises(DatabaseError):
        await lane.run(fail)
    assert await lane.run(_count, lane) == 1


async def test_nobody_waits_for_a_writer_to_read_what_is_at_hand(sqlite: Database) -> None:
    at_hand = sqlite.at_hand()
    with sqlite.write() as connection:
        connection.exec_driver_sql("DELETE FROM users")
        with at_hand.read() as reading:
            assert reading.exec_driver_sql("SELECT count(*) FROM users").scalar() == 1
