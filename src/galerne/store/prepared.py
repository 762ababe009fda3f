"""Statements that every answer needs: their text is made once, and the driver itself runs it.

SQLAlchemy makes of each execution what any statement could need, which takes longer than such a statement does.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, Delete, Dialect, Insert, Select, String, Update, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Parameters = Mapping[str, Any]
Process = Callable[[Any], Any]


class Prepared:
    """A statement of SQLAlchemy Core whose parameters all have names. Made once, run again and again.

    Every method raises what `Connection.execute` raises, and `KeyError` for a parameter that is missing.
    """

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._texts: dict[str, _Text] = {}  # by the dialect's name

    def rows(self, connection: Connection, parameters: Parameters) -> list[Any]:
        """What is found, or what `returning` gives: named tuples."""
        text = self._text(connection.dialect)
        found = drive(connection, "execute", text.sql, text.bound(parameters)).fetchall()
        return [text.row(values) for values in found]

    def run(self, connection: Connection, parameters: Parameters) -> None:
        text = self._text(connection.dialect)
        drive(connection, "execute", text.sql, text.bound(parameters))

    def run_each(self, connection: Connection, rows: Iterable[Parameters]) -> None:
        """Once with each of these parameters, of which there are some, in order."""
        text = self._text(connection.dialect)
        first, *others = [text.bound(row) for row in rows]
        if others:
            drive(connection, "executemany", text.sql, [first, *others])
        else:  # which takes PostgreSQL's driver less than a list of one
            drive(connection, "execute", text.sql, first)

    def _text(self, dialect: Dialect) -> _Text:
        if dialect.name not in self._texts:
            self._texts[dialect.name] = _text(self._statement, dialect)
        return self._texts[dialect.name]


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement as one driver takes it. `_text` sets every field."""

    sql: str
    positional: bool  # parameters come in order; otherwise they are named
    binds: Sequence[tuple[str, Process | None]]
    fixed: Parameters  # that are part of the statement
    make: Callable[[Iterable[Any]], Any]  # a row
    results: Sequence[tuple[int, Process]]  # columns whose values the driver gives in another form

    def bound(self, parameters: Parameters) -> Any:
        known = {**self.fixed, **parameters} if self.fixed else parameters
        if self.positional:
            return [known[name] if process is None else process(known[name]) for name, process in self.binds]
        return {name: known[name] if process is None else process(known[name]) for name, process in self.binds}

    def row(self, values: Sequence[Any]) -> Any:
        if not self.results:
            return self.make(values)
        changed = list(values)
        for place, process in self.results:
            changed[place] = process(changed[place])
        return self.make(changed)


def drive(connection: Connection, how: str, sql: str, parameters: Any = ()) -> Any:
    """Have the driver `execute` a text, or `executemany` of it. Returns the driver's cursor."""
    driver, dialect = connection.connection, connection.dialect
    cursor = driver.cursor()
    try:
        getattr(cursor, how)(sql, parameters)
    except dialect.loaded_dbapi.Error as error:
        if dialect.is_disconnect(error, driver, cursor):
            connection.invalidate(error)
        raise DBAPIError.instance(sql, None, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
    return cursor


def places(name: str, count: int) -> list[BindParameter[Any]]:
    """The parameters of a list of so many values: a driver's statement has one text for each length."""
    return [bindparam(f"{name}_{place}") for place in range(count)]


def padded(values: Collection[str]) -> list[str]:
    """The values, one of them again and again, so that there are few lengths of lists."""
    wanted = list(values)
    room = 1 << max(len(wanted) - 1, 0).bit_length()
    return wanted + wanted[:1] * (room - len(wanted))


def numbered(rows: Iterable[Parameters]) -> dict[str, Any]:
    """The values of such lists, or of the rows of one statement."""
    return {f"{name}_{place}": value for place, row in enumerate(rows) for name, value in row.items()}


def without_nul(text: Any) -> Any:
    """PostgreSQL's texts have no NUL."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}") if isinstance(text, str) else text


def _text(statement: Select[Any] | Insert | Update | Delete, dialect: Dialect) -> _Text:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    names, binds = compiled.positiontup or list(compiled.params), compiled.binds
    columns = list(statement.exported_columns)
    row: Any = namedtuple("Row", [column.name for column in columns])  # type: ignore[misc]
    results = [(place, _result(column.type, dialect)) for place, column in enumerate(columns)]
    return _Text(
        sql=str(compiled),
        positional=compiled.positional,
        binds=[(name, _bind(binds[name].type, dialect)) for name in names],
        fixed={name: binds[name].value for name in names if binds[name].value is not None},
        make=row._make,
        results=[(place, process) for place, process in results if process is not None],
    )


def _bind(type: TypeEngine[Any], dialect: Dialect) -> Process | None:
    process = type.dialect_impl(dialect).bind_processor(dialect)
    return without_nul if process is None and isinstance(type, String) else process


def _result(type: TypeEngine[Any], dialect: Dialect) -> Process | None:
    return type.dialect_impl(dialect).result_processor(dialect, None)
