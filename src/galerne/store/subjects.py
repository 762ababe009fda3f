"""Rows of whoever has limits: a key, its user, their workspace and its organisation."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Table, and_, bindparam, or_

from galerne.ledger.quota import Holder, Subject


def of_subjects(table: Table) -> ColumnElement[bool]:
    """The rows of the subjects that `named` names. The same statement serves all requests: it is built once."""
    kind, id = table.c.holder, table.c.subject
    return or_(*(and_(kind == holder.value, id == bindparam(_name(holder))) for holder in Holder))


def named(subjects: Iterable[Subject]) -> dict[str, str | None]:
    """The parameters of such a statement; at most one subject of each kind."""
    return {_name(holder): None for holder in Holder} | {_name(each.holder): each.id for each in subjects}


def _name(holder: Holder) -> str:
    return f"the_{holder.value}"
