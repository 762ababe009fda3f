"""Who may use some models alone. Fills the port `AllowedModels`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Connection, String, Table, delete, insert, select

from galerne.identity.caller import Caller
from galerne.ledger.quota import Allowance, Holder, Subject, subjects
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.prepared import Prepared
from galerne.store.subjects import named, of_subjects

allowed_models = Table(
    "allowed_models",
    metadata,
    Column("holder", String(16), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("model", String(128), primary_key=True),
)


_OF_SUBJECTS = Prepared(select(allowed_models).where(of_subjects(allowed_models)))


class SqlAllowedModels:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, caller: Caller) -> frozenset[str] | None:
        its = subjects({holder: getattr(caller, holder.value) for holder in Holder})
        with self._database.read() as connection:
            rows = _OF_SUBJECTS.rows(connection, named(its))
        allowances = [allowance.models for allowance in _allowances(rows)]
        return frozenset.intersection(*allowances) if allowances else None


def all_allowances(connection: Connection) -> list[Allowance]:
    return _allowances(connection.execute(select(allowed_models)))


def replace_allowance(connection: Connection, allowance: Allowance) -> None:
    connection.execute(delete(allowed_models).where(of_subjects(allowed_models)), named([allowance.subject]))
    for model in sorted(allowance.models):
        key = {"holder": allowance.subject.holder.value, "subject": allowance.subject.id}
        connection.execute(insert(allowed_models).values(**key, model=model))


def _allowances(rows: Iterable[Any]) -> list[Allowance]:
    models: dict[Subject, set[str]] = {}
    for row in rows:
        models.setdefault(Subject(Holder(row.holder), row.subject), set()).add(row.model)
    return [Allowance(subject, frozenset(names)) for subject, names in models.items()]
