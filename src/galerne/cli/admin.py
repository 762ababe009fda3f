"""`galerne admin`: keys, limits, prices, usage and invoices, on this machine. A running server sees them at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from galerne.cli import admin_invoices
from galerne.cli.options import Json
from galerne.errors import InvalidRequest

if TYPE_CHECKING:
    from galerne.flows.administration import Administration

EXAMPLE = "Example: galerne admin keys create 'intranet' --workspace town-hall --days 365"

app = typer.Typer(help="Keys, limits, prices, usage and invoices.", epilog=EXAMPLE, no_args_is_help=True)
keys = typer.Typer(help="Keys that programs show.", epilog=EXAMPLE, no_args_is_help=True)
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
app.add_typer(keys, name="keys")
app.add_typer(limits, name="limits")
app.add_typer(prices, name="prices")
app.add_typer(admin_invoices.app, name="invoices")

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


@keys.command("create", epilog=EXAMPLE)
def create_key(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    workspace: Annotated[str, typer.Option(help="Who owns what is made with it.")] = "default",
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="How long it is valid; by default for ever.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it: this once."""
    with _administration() as administration:
        secret, key = administration.create_key(name, workspace, timedelta(days=days) if days else None)
    if as_json:
        typer.echo(json.dumps({"key": secret, **_plain(asdict(key))}))
    else:
        typer.echo(secret)
        typer.echo(f"{key.id}, of the workspace {key.workspace}. Keep it: it is not shown again.", err=True)


@keys.command("list", epilog="Example: galerne admin keys list")
def list_keys(as_json: Json = False) -> None:
    """All keys, the newest first: what they are called, and when they were last used."""
    with _administration() as administration:
        _print([_plain(asdict(key)) for key in administration.all_keys()], as_json)


@keys.command("revoke", epilog="Example: galerne admin keys revoke key-2f6c0e1b7a9d4c55")
def revoke_key(id: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """From now on the key is not valid."""
    with _administration() as administration:
        administration.revoke_key(id)
    typer.echo(f"{id} is revoked")


@limits.command("set", epilog="Example: galerne admin limits set workspace:town-hall tokens_per_month 5000000")
def set_limit(
    subject: Annotated[str, typer.Argument(help="key:ID, user:ID, workspace:ID or organisation:ID.")],
    measure: Annotated[Measure, typer.Argument(help="What is counted. A euro has 1,000,000,000 nano-euros.")],
    most: Annotated[int | None, typer.Argument(min=0, help="Without it, the limit goes.")] = None,
) -> None:
    """Set or remove a limit. What was used since the minute or month began counts."""
    from galerne.flows.administration import subject_of
    from galerne.ledger import quota

    with _administration() as administration:
        administration.set_limit(subject_of(subject), quota.Measure(measure), most)
    typer.echo(f"{subject}: {measure} {'has no limit' if most is None else f'at most {most}'}")


@limits.command("list", epilog="Example: galerne admin limits list")
def list_limits(as_json: Json = False) -> None:
    """All limits."""
    with _administration() as administration:
        rows = [
            {"subject": f"{each.subject.holder}:{each.subject.id}", "measure": each.measure.value, "most": each.most}
            for each in administration.limits()
        ]
    _print(rows, as_json)


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

    with _administration() as administration:
        day = since.date() if since else None
        price = administration.set_price(model, ledger.Kind(kind), _nano_euros_a_token(euros), day)
    typer.echo(f"{model}: {kind} tokens cost {euros} euros a million from {price.since} on")


@prices.command("list", epilog="Example: galerne admin prices list")
def list_prices(as_json: Json = False) -> None:
    """All prices, in euros for a million tokens."""
    with _administration() as administration:
        rows = [
            {"model": each.model, "kind": each.kind.value, "since": str(each.since), "euros": each.nano_euros / 1000}
            for each in administration.prices()
        ]
    _print(rows, as_json)


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
    from galerne.ledger.usage_table import csv_text, usage_line, usage_names

    with _administration() as administration:
        sums = administration.usage(by, since and since.date(), until and until.date())
    lines = [usage_line(by, each) for each in sums]
    if as_csv:
        typer.echo(csv_text(usage_names(by), lines), nl=False)
    else:
        _print(lines, as_json)


@contextmanager
def _administration() -> Iterator[Administration]:
    from galerne import bootstrap
    from galerne.settings import load_settings

    with bootstrap.open_administration(load_settings()) as administration:
        yield administration


def _nano_euros_a_token(euros: str) -> int:
    """Of a price in euros for a million tokens."""
    from decimal import Decimal, InvalidOperation

    try:
        nano = Decimal(euros) * 1000
    except InvalidOperation:
        raise InvalidRequest("is not a number.", where=euros[:50]) from None
    if not nano.is_finite() or nano != nano.to_integral_value():
        raise InvalidRequest("has more than three places.", where=euros[:50], hint="The smallest price is 0.001.")
    return int(nano)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _word(value) for name, value in row.items()}


def _word(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat(timespec="seconds")
        case frozenset():
            return sorted(value)
        case _:
            return value


def _print(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if as_json:
        typer.echo(json.dumps(rows))
        return
    console = Console()
    if not console.is_terminal:
        console.width = 200
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text("-" if value is None else str(value)) for value in row.values()))
    console.print(table if rows else "none")
