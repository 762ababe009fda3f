"""Customers, plans and invoices. Fills the port `InvoiceBook`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
)

from galerne.errors import Taken
from galerne.ledger.bill import DayUse
from galerne.ledger.invoice_book import Moves
from galerne.ledger.invoices import Invoice, InvoiceBody, InvoiceKind
from galerne.ledger.plans import Plan
from galerne.ledger.prices import Kind
from galerne.ledger.vat import Party
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.transfers import post
from galerne.store.usage import daily_usage

customers = Table(
    "customers",
    metadata,
    Column("workspace", String(64), primary_key=True),
    Column("party", Text, nullable=False),  # JSON
)

plans = Table(
    "plans",
    metadata,
    Column("workspace", String(64), primary_key=True),
    Column("since", Date, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("cents", BigInteger, nullable=False),
    Column("included_tokens", BigInteger, nullable=False),
)

invoices = Table(
    "invoices",
    metadata,
    Column("number", String(32), primary_key=True),
    Column("series", String(8), nullable=False),
    Column("year", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("workspace", String(64), nullable=False, index=True),
    Column("period", String(7), nullable=False),
    Column("credits", String(32), unique=True),
    Column("body", Text, nullable=False),  # JSON
    UniqueConstraint("series", "year", "sequence"),
)

LOCK = 4_716_238_061  # of PostgreSQL's advisory locks

_party = TypeAdapter(Party)
_body = TypeAdapter(InvoiceBody)


class SqlInvoiceBook:
    def __init__(self, database: Database) -> None:
        self._database = database

    def customer(self, workspace: str) -> Party | None:
        wanted = select(customers.c.party).where(customers.c.workspace == workspace)
        with self._database.read() as connection:
            found = connection.execute(wanted).scalar()
        return None if found is None else _party.validate_json(found)

    def set_customer(self, workspace: str, party: Party) -> None:
        with self._database.write() as connection:
            connection.execute(delete(customers).where(customers.c.workspace == workspace))
            connection.execute(insert(customers).values(workspace=workspace, party=json.dumps(asdict(party))))

    def plans(self) -> Sequence[Plan]:
        with self._database.read() as connection:
            rows = connection.execute(select(plans).order_by(plans.c.workspace, plans.c.since))
            return [Plan(**row._mapping) for row in rows]

    def set_plan(self, plan: Plan) -> None:
        with self._database.write() as connection:
            same = (plans.c.workspace == plan.workspace, plans.c.since == plan.since)
            connection.execute(delete(plans).where(*same))
            connection.execute(insert(plans).values(asdict(plan)))

    def uses(self, workspace: str, since: date, until: date) -> Sequence[DayUse]:
        sums = [func.sum(daily_usage.c[f"{kind}_tokens"]).label(kind) for kind in Kind]
        wanted = (
            select(
                daily_usage.c.day, daily_usage.c.model, *sums, func.sum(daily_usage.c.nano_euros).label("nano_euros")
            )
            .where(daily_usage.c.workspace == workspace, daily_usage.c.day.between(since, until))
            .group_by(daily_usage.c.day, daily_usage.c.model)
            .order_by(daily_usage.c.day, daily_usage.c.model)
        )
        with self._database.read() as connection:
            rows = connection.execute(wanted).mappings()
            return [
                DayUse(
                    row["day"],
                    row["model"],
                    tuple((kind, int(row[kind.value])) for kind in Kind),
                    int(row["nano_euros"]),
                )
                for row in rows
            ]

    def issue(self, series: str, body: InvoiceBody, moves: Moves) -> Invoice:
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            _check_open(connection, body)
            sequence = _next(connection, series, body.issued.year)
            invoice = Invoice(f"{series}{body.issued.year}-{sequence:05d}", body)
            connection.execute(
                insert(invoices).values(
                    number=invoice.number,
                    series=series,
                    year=body.issued.year,
                    sequence=sequence,
                    kind=body.kind.value,
                    workspace=body.workspace,
                    period=body.period,
                    credits=body.credits,
                    body=_body.dump_json(body).decode(),
                )
            )
            post(connection, moves(invoice))
        return invoice

    def find(self, number: str) -> Invoice | None:
        with self._database.read() as connection:
            row = connection.execute(select(invoices).where(invoices.c.number == number)).first()
        return None if row is None else Invoice(row.number, _body.validate_json(row.body))

    def all(self, workspace: str | None = None) -> Sequence[Invoice]:
        wanted = select(invoices).order_by(invoices.c.year, invoices.c.series, invoices.c.sequence)
        if workspace is not None:
            wanted = wanted.where(invoices.c.workspace == workspace)
        with self._database.read() as connection:
            return [Invoice(row.number, _body.validate_json(row.body)) for row in connection.execute(wanted)]


def _next(connection: Connection, series: str, year: int) -> int:
    last = select(func.max(invoices.c.sequence)).where(invoices.c.series == series, invoices.c.year == year)
    return int(connection.execute(last).scalar() or 0) + 1


def _check_open(connection: Connection, body: InvoiceBody) -> None:
    """Raises `Taken`."""
    if body.kind is InvoiceKind.CREDIT_NOTE:
        same = invoices.c.credits == body.credits
        said = f"{body.credits} was taken back before, by {{}}."
    else:
        taken_back = select(invoices.c.credits).where(invoices.c.credits.is_not(None))
        same = (
            (invoices.c.kind == body.kind.value)
            & (invoices.c.workspace == body.workspace)
            & (invoices.c.period == body.period)
            & invoices.c.number.not_in(taken_back)
        )
        said = f"{{}} is the invoice of {body.workspace!r} for {body.period} already."
    number = connection.execute(select(invoices.c.number).where(same)).scalar()
    if number is not None:
        raise Taken(said.format(number), hint="A credit note takes an invoice back.")
