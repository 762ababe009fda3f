"""Transfers: each moves an amount from one account to another, so that all accounts together are zero."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, CheckConstraint, Column, Connection, DateTime, String, Table, func, insert, select

from galerne.ledger.usage import Transfer
from galerne.store.metadata import metadata
from galerne.store.prepared import Prepared

transfers = Table(
    "transfers",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("debit", String(80), nullable=False),
    Column("credit", String(80), nullable=False),
    Column("nano_euros", BigInteger, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
    CheckConstraint("nano_euros > 0", name="positive"),
)

_POST = Prepared(insert(transfers))


def post(connection: Connection, moved: Iterable[Transfer]) -> None:
    rows = [{name: getattr(transfer, name) for name in Transfer.__slots__} for transfer in moved]
    if rows:
        _POST.run_each(connection, rows)


def balance_of(connection: Connection) -> dict[str, int]:
    """What each account owes (more than 0) or is owed."""
    owed: dict[str, int] = {}
    for account, sign in ((transfers.c.debit, 1), (transfers.c.credit, -1)):
        for name, total in connection.execute(select(account, func.sum(transfers.c.nano_euros)).group_by(account)):
            owed[name] = owed.get(name, 0) + sign * int(total)
    return owed
