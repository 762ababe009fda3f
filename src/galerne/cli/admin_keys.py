"""`galerne admin keys`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from galerne.cli.local_identity import MOST, local_admin, local_identity
from galerne.cli.options import Json
from galerne.cli.tables import plain, print_row, print_rows

if TYPE_CHECKING:
    from galerne.identity.keys import Key

EXAMPLE = "Example: galerne admin keys create 'intranet' --workspace town-hall --days 365"

app = typer.Typer(help="Keys that programs show.", epilog=EXAMPLE, no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="As `list` shows it.")]


@app.command("create", epilog=EXAMPLE)
def create_key(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    workspace: Annotated[
        str, typer.Option(help="Of the service account that is made for it where no user is named.")
    ] = "default",
    user: Annotated[
        str | None, typer.Option(help="Who holds it: an id of a user or of a service account.", show_default=False)
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do; may be given several times.", show_default="all")
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="A web origin on whose pages a browser may show it; may be given several times.", show_default="all"
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="How long it is valid; by default for ever.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it: this once."""
    from galerne.identity.permissions import Role, scopes_of

    scopes, origins = scopes_of(scope), frozenset(origin) if origin else None
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    with local_identity() as identity:
        holder = user or identity.users.create_service(name, workspace, Role.MEMBER, local_admin()).id
        made = identity.keys.make(name, holder, local_admin(), scopes=scopes, expires=expires, origins=origins)
    _tell(*made, as_json)


@app.command("list", epilog="Example: galerne admin keys list")
def list_keys(
    user: Annotated[str | None, typer.Option(help="Who holds them.", show_default="anybody")] = None,
    as_json: Json = False,
) -> None:
    """The newest first: what they are called, who holds them, and when they were last used."""
    with local_identity() as identity:
        print_rows([plain(asdict(key)) for key in identity.keys.page(user, 0, MOST)], as_json)


@app.command("show", epilog="Example: galerne admin keys show key-2f6c0e1b7a9d4c55")
def show_key(id: Id, as_json: Json = False) -> None:
    """What is known of a key: not the key itself."""
    with local_identity() as identity:
        print_row(plain(asdict(identity.keys.get(id))), as_json)


@app.command("rotate", epilog="Example: galerne admin keys rotate key-2f6c0e1b7a9d4c55 --hours 48")
def rotate_key(
    id: Id,
    hours: Annotated[
        int | None, typer.Option(min=0, max=8760, help="How long the old secret still counts.", show_default="24")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give a key another secret and print it: this once. Its limits and its usage stay."""
    from galerne.settings import load_settings

    overlap = timedelta(hours=load_settings().key_overlap_hours if hours is None else hours)
    with local_identity() as identity:
        made = identity.keys.rotate(id, overlap, local_admin())
    _tell(*made, as_json)


@app.command("revoke", epilog="Example: galerne admin keys revoke key-2f6c0e1b7a9d4c55")
def revoke_key(id: Id) -> None:
    """From now on the key is not valid, and what is under way by it ends."""
    with local_identity() as identity:
        identity.keys.revoke(id, local_admin())
    typer.echo(f"{id} is revoked")


def _tell(secret: str, key: Key, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"key": secret, **plain(asdict(key))}))
    else:
        typer.echo(secret)
        typer.echo(f"{key.id}, of the workspace {key.workspace}. Keep it: it is not shown again.", err=True)
