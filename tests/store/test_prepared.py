"""A prepared statement does what SQLAlchemy does with it, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, Date, DateTime, MetaData, String, Table, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError, StatementError

from galerne.store.database import Database
from galerne.store.prepared import Prepared, numbered, padded, places
from galerne.store.times import utc

things = Table(
    "things",
    MetaData(),
    Column("id", String(20), primary_key=True),
    Column("user", String(20)),
    Column("count", BigInteger),
    Column("time", DateTime(timezone=True)),
    Column("day", Date),
)
INSERT = Prepared(insert(things))
FIND = select(things).where(things.c.id == bindparam("wanted")).order_by(things.c.id).limit(1)
NOW = datetime(2026, 11, 25, 15, 4, 30, 123456, tzinfo=UTC)
ROWS = [
    {"id": "a", "user": "somebody", "count": 2**60, "time": NOW, "day": date(2026, 11, 25)},
    {"id": "b", "user": None, "count": None, "time": None, "day": None},
]


@pytest.fixture
def kept(empty_database: Database) -> Database:
    with empty_database.write() as connection:
        things.create(connection)
        INSERT.run_each(connection, ROWS)
    return empty_database


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_row_is_found_as_it_was_put(kept: Database, row: dict[str, Any]) -> None:
    with kept.read() as connection:
        (found,) = Prepared(FIND).rows(connection, {"wanted": row["id"]})
        by_sqlalchemy = connection.execute(FIND, {"wanted": row["id"]}).one()
    assert utc(found._asdict()) == row == utc(by_sqlalchemy._mapping)


def test_nothing_is_found_where_nothing_is(kept: Database) -> None:
    with kept.read() as connection:
        assert Prepared(FIND).rows(connection, {"wanted": "nobody"}) == []


def test_a_list_has_a_parameter_for_each_of_its_values(kept: Database) -> None:
    ids = padded(["b", "c", "a"])
    remove = Prepared(delete(things).where(things.c.id.in_(places("id", len(ids)))).returning(things.c.id))
    with kept.write() as connection:
        removed = remove.rows(connection, numbered({"id": id} for id in ids))
    assert sorted(row.id for row in removed) == ["a", "b"]


def test_lists_are_padded_to_few_lengths() -> None:
    for count in range(40):
        values = [str(value) for value in range(count)]
        assert set(padded(values)) == set(values)
        assert len(padded(values)) in (0, 1, 2, 4, 8, 16, 32, 64)


def test_what_fails_is_undone_with_its_transaction(kept: Database) -> None:
    def fail_after_removing() -> None:
        with kept.write() as connection:
            Prepared(delete(things)).run(connection, {})
            INSERT.run_each(connection, [ROWS[0], ROWS[0]])

    with pytest.raises(IntegrityError):
        fail_after_removing()
    with kept.read() as connection:
        assert len(connection.execute(select(things)).all()) == 2


def test_a_text_with_nul_is_kept_with_its_symbol(kept: Database) -> None:
    with kept.write() as connection:
        INSERT.run(connection, {**ROWS[1], "id": "nul", "user": "a\0b"})
        (found,) = Prepared(FIND).rows(connection, {"wanted": "nul"})
    assert found.user == "a\N{SYMBOL FOR NULL}b"


def test_a_missing_parameter_and_a_wrong_statement_are_faults_of_the_program(kept: Database) -> None:
    with pytest.raises(KeyError), kept.read() as connection:
        Prepared(FIND).rows(connection, {})
    with pytest.raises(StatementError), kept.read() as connection:
        Prepared(select(Table("nowhere", MetaData(), Column("id", String)))).rows(connection, {})
