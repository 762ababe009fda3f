"""`galerne admin`: on this machine, as its own administrator. A running server sees what changes at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from galerne.cli import admin_invoices, admin_keys, admin_server, admin_users, admin_workspaces
from galerne.cli.local_accounts import local_accounts
from galerne.cli.local_identity import local_admin
from galerne.cli.options import Json
from galerne.cli.tables import print_rows

EXAMPLE = "Example: galerne admin keys create 'intranet' --workspace town-hall --days 365"

app = typer.Typer(
    help="Workspaces, users, keys, limits, prices, usage, invoices, settings and the running server.",
    epilog=EXAMPLE,
    no_args_is_help=True,
)
limits = typer.Typer(
    help="Who may use how much.",
    epilog="Example: galerne admin limits set workspace:town-hall tokens_per_month 5000000",
    no_args_is_help=True,
)
prices = typer.Typer(
    help="What tokens cost.",
    epilog="Example: galerne admin prices set smollm2-135m-instruct output 0.30",
    no_args_is_help=True,
)
app.add_typer(admin_workspaces.app, name="workspaces")
app.add_typer(admin_users.people, name="users")
app.add_typer(admin_users.services, name="services")
app.add_typer(admin_keys.app, name="keys")
app.add_typer(limits, name="limits")
app.add_typer(prices, name="prices")
app.add_typer(admin_invoices.app, name="invoices")
app.add_typer(admin_server.models, name="models")
app.command(epilog="Example: galerne admin health")(admin_server.health)

By = Literal["day", "model", "key", "user", "workspace", "organisation"]
Kind = Literal["input", "cached", "output", "embedding"]
Measure = Literal[
    "requests_per_minute",
    "tokens_per_minute",
    "requests_per_month",
    "tokens_per_month",
    "nano_euros_per_month",
    "concurrent_requests",
]


@limits.command("set", epilog="Example: galerne admin limits set workspace:town-hall tokens_per_month 5000000")
def set_limit(
    subject: Annotated[str, typer.Argument(help="key:ID, user:ID, workspace:ID or organisation:ID.")],
    measure: Annotated[Measure, typer.Argument(help="What is counted. A euro has 1,000,000,000 nano-euros.")],
    most: Annotated[int | None, typer.Argument(min=0, help="Without it, the limit goes.")] = None,
) -> None:
    """Set or remove a limit. What was used since the minute or month began counts."""
    from galerne.flows.terms import subject_of
    from galerne.ledger import quota

    with local_accounts() as accounts:
        accounts.terms.set_limit(subject_of(subject), quota.Measure(measure), most, local_admin())
    typer.echo(f"{subject}: {measure} {'has no limit' if most is None else f'at most {most}'}")


@limits.command("list", epilog="Example: galerne admin limits list")
def list_limits(as_json: Json = False) -> None:
    """All limits."""
    with local_accounts() as accounts:
        rows = [
            {"subject": f"{each.subject.holder}:{each.subject.id}", "measure": each.measure.value, "most": each.most}
            for each in accounts.terms.limits()
        ]
        rows += [
            {
                "subject": f"{each.subject.holder}:{each.subject.id}",
                "measure": "allowed_models",
                "most": ", ".join(sorted(each.models)),
            }
            for each in accounts.terms.allowances()
        ]
    print_rows(rows, as_json)


@limits.command("models", epilog="Example: galerne admin limits models workspace:town-hall smollm2-135m-instruct")
def allow_models(
    subject: Annotated[str, typer.Argument(help="key:ID, user:ID, workspace:ID or organisation:ID.")],
    models: Annotated[list[str] | None, typer.Argument(help="Their own names; none: all models.")] = None,
) -> None:
    """Say which models somebody may use."""
    from galerne.flows.terms import subject_of

    with local_accounts() as accounts:
        accounts.terms.allow(subject_of(subject), models or (), local_admin())
    typer.echo(f"{subject} may use {', '.join(models or ['all models'])}")


@prices.command("set", epilog="Example: galerne admin prices set smollm2-135m-instruct output 0.30")
def set_price(
    model: Annotated[str, typer.Argument(help="The model's own name.")],
    kind: Annotated[Kind, typer.Argument(help="Which tokens.")],
    euros: Annotated[str, typer.Argument(help="Euros for a million tokens, to a thousandth.")],
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From which day on; by default today.")
    ] = None,
) -> None:
    """Set what a million tokens cost. A model without a price costs nothing."""
    from galerne.ledger import prices as ledger

    with local_accounts() as accounts:
        day = since.date() if since else None
        price = accounts.terms.set_price(model, ledger.Kind(kind), ledger.parse_price(euros), day, local_admin())
    typer.echo(f"{model}: {kind} tokens cost {euros} euros a million from {price.since} on")


@prices.command("list", epilog="Example: galerne admin prices list")
def list_prices(as_json: Json = False) -> None:
    """All prices, in euros for a million tokens."""
    with local_accounts() as accounts:
        rows = [
            {"model": each.model, "kind": each.kind.value, "since": str(each.since), "euros": each.nano_euros / 1000}
            for each in accounts.terms.prices()
        ]
    print_rows(rows, as_json)


@app.command(epilog="Example: galerne admin roles")
def roles(as_json: Json = False) -> None:
    """The roles, and what each may do."""
    from galerne.identity.permissions import GRANTS, Role

    print_rows([{"role": role.value, "permissions": ", ".join(sorted(GRANTS[role]))} for role in Role], as_json)


@app.command(epilog="Example: galerne admin settings")
def settings(as_json: Json = False) -> None:
    """Each setting, and where it comes from."""
    from galerne.flows.installation import setting_cards
    from galerne.settings import load_settings

    print_rows([card.model_dump(mode="json") for card in setting_cards(load_settings())], as_json)


@app.command(epilog="Example: galerne admin check")
def check() -> None:
    """Hold usage, charges, receipts and daily sums of all answers against each other.

    Ends with 1 when they do not agree, and says where.
    """
    with local_accounts() as accounts:
        found = accounts.usage.disagreements()
    for each in found:
        typer.echo(each, err=True)
    typer.echo(f"{len(found)} disagreements" if found else "the books agree")
    if found:
        raise typer.Exit(1)


@app.command(epilog="Example: galerne admin usage --by workspace --since 2026-11-01 --csv > november.csv")
def usage(
    by: Annotated[By, typer.Option(help="A sum for each of these.")] = "day",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="By default this month's first day.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="By default today; included.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_json: Json = False,
) -> None:
    """What was used, and what it costs."""
    from galerne.flows.usage import usage_query
    from galerne.ledger.usage_table import csv_text, usage_line, usage_names

    with local_accounts() as accounts:
        query = usage_query(by, since and since.date(), until and until.date(), datetime.now(UTC))
        sums = accounts.usage.blocking_sums(query)
    lines = [usage_line(by, each) for each in sums]
    if as_csv:
        typer.echo(csv_text(usage_names(by), lines), nl=False)
    else:
        print_rows(lines, as_json)
