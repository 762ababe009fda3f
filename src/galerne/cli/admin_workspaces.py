"""`galerne admin workspaces`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from galerne.cli.local_identity import MOST, local_admin, local_identity
from galerne.cli.options import Json
from galerne.cli.tables import plain, print_row, print_rows

EXAMPLE = "Example: galerne admin workspaces create town-hall --name 'Town hall'"

app = typer.Typer(help="What owns files, conversations and budgets.", epilog=EXAMPLE, no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="As `list` shows it.")]


@app.command("create", epilog=EXAMPLE)
def create_workspace(
    id: Annotated[str, typer.Argument(help="It stays: limits and receipts name it.")],
    name: Annotated[str | None, typer.Option(help="What people call it.", show_default="its id")] = None,
) -> None:
    """Make a workspace."""
    with local_identity() as identity:
        workspace = identity.workspaces.create(id, name, local_admin())
    typer.echo(f"{workspace.id} is there")


@app.command("list", epilog="Example: galerne admin workspaces list")
def list_workspaces(as_json: Json = False) -> None:
    """All workspaces."""
    with local_identity() as identity:
        print_rows([plain(asdict(each)) for each in identity.workspaces.page(0, MOST)], as_json)


@app.command("show", epilog="Example: galerne admin workspaces show town-hall")
def show_workspace(id: Id, as_json: Json = False) -> None:
    """What is known of a workspace."""
    with local_identity() as identity:
        print_row(plain(asdict(identity.workspaces.get(id))), as_json)


@app.command("rename", epilog="Example: galerne admin workspaces rename town-hall 'City hall'")
def rename_workspace(id: Id, name: Annotated[str, typer.Argument(help="What people will call it.")]) -> None:
    """Call it something else. Its id stays."""
    with local_identity() as identity:
        identity.workspaces.change(id, local_admin(), name=name)
    typer.echo(f"{id} is called {name}")


@app.command("disable", epilog="Example: galerne admin workspaces disable town-hall")
def disable_workspace(id: Id) -> None:
    """From now on nobody of it may ask anything."""
    with local_identity() as identity:
        identity.workspaces.change(id, local_admin(), disabled=True)
    typer.echo(f"{id} is disabled")


@app.command("enable", epilog="Example: galerne admin workspaces enable town-hall")
def enable_workspace(id: Id) -> None:
    """Its users may ask again."""
    with local_identity() as identity:
        identity.workspaces.change(id, local_admin(), disabled=False)
    typer.echo(f"{id} is enabled")


@app.command("organisation", epilog="Example: galerne admin workspaces organisation 'City of Nantes'")
def name_organisation(
    name: Annotated[str | None, typer.Argument(help="What it will be called.", show_default=False)] = None,
) -> None:
    """What the organisation is called, whose workspaces these are."""
    with local_identity() as identity:
        organisation = identity.workspaces.organisation()
        if name is not None:
            organisation = identity.workspaces.rename_organisation(name, local_admin())
    typer.echo(organisation.name)
