"""`galerne admin invoices`: who pays, which plan they have, what they owe."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from galerne.cli.local_accounts import local_accounts
from galerne.cli.local_identity import local_admin
from galerne.cli.options import Json
from galerne.cli.tables import print_row, print_rows
from galerne.errors import BadFile, InvalidRequest

if TYPE_CHECKING:
    from galerne.flows.accounts import Accounts
    from galerne.ledger.invoices import Invoice

EXAMPLE = "Example: galerne admin invoices issue town-hall 2026-11 --pdf november.pdf"

app = typer.Typer(help="Customers, plans, invoices, credit notes.", epilog=EXAMPLE, no_args_is_help=True)

Workspace = Annotated[str, typer.Argument(help="Who owns what is used.")]
Number = Annotated[str, typer.Argument(help="As `list` shows it: F2026-00001.")]
PdfFile = Annotated[Path | None, typer.Option("--pdf", dir_okay=False, help="Write the PDF there, too.")]


@app.command(epilog="Example: galerne admin invoices customer town-hall --name 'Mairie' --address '1 rue Haute'")
def customer(
    workspace: Workspace,
    name: Annotated[str | None, typer.Option(help="Who pays; without it, who does now is shown.")] = None,
    address: Annotated[str, typer.Option(help="Its lines; a line break or ' / ' is between them.")] = "",
    country: Annotated[str, typer.Option(help="Two letters.")] = "FR",
    vat_number: Annotated[str | None, typer.Option(help="Of a business in the Union.")] = None,
    registration: Annotated[str | None, typer.Option(help="SIREN, register.")] = None,
) -> None:
    """Say or show who pays for a workspace."""
    from galerne.ledger.vat import Party

    if name is None:
        with local_accounts() as accounts:
            print_row(asdict(accounts.invoicing.customer(workspace)), as_json=False)
        return
    party = Party(name, address.replace(" / ", "\n"), country, vat_number, registration)
    with local_accounts() as accounts:
        accounts.invoicing.set_customer(workspace, party, local_admin())
    typer.echo(f"{name} pays for {workspace}")


@app.command(epilog="Example: galerne admin invoices plan town-hall Team --euros 49.90 --included 5000000")
def plan(
    workspace: Workspace,
    name: Annotated[str, typer.Argument(help="What it is called; '' ends a plan: by use alone.")],
    euros: Annotated[str, typer.Option(help="A month, without VAT.")] = "0",
    included: Annotated[int, typer.Option(min=0, help="Tokens that are in it.")] = 0,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m"], help="From which month on; by default this one.")
    ] = None,
) -> None:
    """Set what a workspace pays each month."""
    from datetime import UTC

    from galerne.ledger.plans import Plan

    first = (since or datetime.now(UTC)).date().replace(day=1)
    with local_accounts() as accounts:
        accounts.invoicing.set_plan(Plan(workspace, first, name, _cents(euros), included), local_admin())
    typer.echo(f"{workspace}: {name or 'no plan'} from {first} on")


@app.command("plans", epilog="Example: galerne admin invoices plans")
def list_plans(as_json: Json = False) -> None:
    """All plans, those that are over or have not begun included."""
    with local_accounts() as accounts:
        print_rows([asdict(each) | {"since": str(each.since)} for each in accounts.invoicing.plans()], as_json)


@app.command(epilog=EXAMPLE)
def issue(
    workspace: Workspace,
    period: Annotated[str, typer.Argument(help="A month that is over: 2026-11.")],
    pdf: PdfFile = None,
) -> None:
    """Issue the invoice of a month."""
    with local_accounts() as accounts:
        _tell(accounts, accounts.invoicing.issue(workspace, period, local_admin()), pdf)


@app.command(epilog="Example: galerne admin invoices credit F2026-00001")
def credit(number: Number, pdf: PdfFile = None) -> None:
    """Take a whole invoice back with a credit note."""
    with local_accounts() as accounts:
        _tell(accounts, accounts.invoicing.take_back(number, local_admin()), pdf)


@app.command("list", epilog="Example: galerne admin invoices list --workspace town-hall")
def list_invoices(
    workspace: Annotated[str | None, typer.Option(help="By default all of them.")] = None, as_json: Json = False
) -> None:
    """Invoices and credit notes, in the order of their numbers."""
    with local_accounts() as accounts:
        found = accounts.invoicing.all(workspace)
    if as_json:
        typer.echo(json.dumps([_row(invoice) for invoice in found]))
    else:
        typer.echo("\n".join(map(_line, found)) or "none")


@app.command("show", epilog="Example: galerne admin invoices show F2026-00001")
def show_invoice(number: Number, as_json: Json = False) -> None:
    """An invoice or a credit note with its lines."""
    from galerne.flows.invoice_card import invoice_card

    with local_accounts() as accounts:
        card = invoice_card(accounts.invoicing.find(number)).model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps(card))
        return
    lines = card.pop("lines")
    print_row(card, as_json=False)
    print_rows(lines, as_json=False)


@app.command(epilog="Example: galerne admin invoices pdf F2026-00001 invoice.pdf")
def pdf(number: Number, file: Annotated[Path, typer.Argument(dir_okay=False)]) -> None:
    """Write an invoice's PDF."""
    with local_accounts() as accounts:
        _write(file, accounts.invoicing.pdf(number))
    typer.echo(f"{number} in {file}")


def _tell(accounts: Accounts, invoice: Invoice, pdf: Path | None) -> None:
    typer.echo(_line(invoice))
    if pdf is not None:
        _write(pdf, accounts.invoicing.pdf(invoice.number))


def _line(invoice: Invoice) -> str:
    row = _row(invoice)
    return f"{row['number']}  {row['issued']}  {row['workspace']}  {row['period']}  {row['total']} EUR"


def _row(invoice: Invoice) -> dict[str, str | None]:
    from galerne.ledger.invoices import spelled

    body = invoice.body
    return {
        "number": invoice.number,
        "kind": body.kind.value,
        "workspace": body.workspace,
        "period": body.period,
        "issued": str(body.issued),
        "due": str(body.due),
        "net": spelled(body.net_cents),
        "vat": spelled(body.vat_cents),
        "total": spelled(body.total_cents),
        "credits": body.credits,
    }


def _cents(euros: str) -> int:
    from decimal import Decimal, InvalidOperation

    try:
        cents = Decimal(euros) * 100
    except InvalidOperation:
        raise InvalidRequest("is not a number.", where=euros[:50]) from None
    if not cents.is_finite() or cents != cents.to_integral_value():
        raise InvalidRequest("has more than two places.", where=euros[:50])
    return int(cents)


def _write(path: Path, document: bytes) -> None:
    try:
        path.write_bytes(document)
    except OSError as error:
        raise BadFile(f"cannot be written: {error.strerror}.", where=str(path)) from None
