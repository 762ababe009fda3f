"""`galerne admin health` and `galerne admin models`: what the running server alone knows and does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from galerne.cli.options import Json
from galerne.cli.running_server import Port, running_server
from galerne.cli.tables import print_row, print_rows

EXAMPLE = "Example: galerne admin models load house-model"

models = typer.Typer(
    help="The models of the running server; `galerne models` has those of this machine.",
    epilog=EXAMPLE,
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="As `list` shows it.")]


def health(port: Port = None, as_json: Json = False) -> None:
    """How the running server is: version, disk, memory, engines."""
    with running_server(port) as ask:
        told = ask("GET", "health")
    if as_json:
        typer.echo(json.dumps(told))
        return
    engines = told.pop("engines")
    started = datetime.fromtimestamp(told["started_at"], UTC).isoformat(timespec="seconds")
    disk = {f"disk_{name}": size for name, size in told.pop("disk").items()}
    print_row(told | disk | {"started_at": started}, as_json=False)
    print_rows([{"engine": each["model"], "ready": each["ready"], **each["statistics"]} for each in engines], False)


@models.command("list", epilog="Example: galerne admin models list")
def list_models(port: Port = None, as_json: Json = False) -> None:
    """All models, each with its state and what its engine takes."""
    with running_server(port) as ask:
        told = ask("GET", "models")["data"]
    shown = ("name", "state", "resident", "memory", "open_requests", "failure")
    print_rows(told if as_json else [{name: each[name] for name in shown} for each in told], as_json)


@models.command("load", epilog=EXAMPLE)
def load(name: Name, port: Port = None, as_json: Json = False) -> None:
    """Start an engine for a model that is here. `list` tells when it is ready."""
    _tell(_change(name, "load", port), as_json)


@models.command("unload", epilog="Example: galerne admin models unload house-model")
def unload(name: Name, port: Port = None, as_json: Json = False) -> None:
    """Let nobody ask a model any longer, and end its engine as soon as its answers are done, or have had time."""
    _tell(_change(name, "unload", port), as_json)


def _change(name: str, verb: str, port: int | None) -> Any:
    with running_server(port) as ask:
        return ask("POST", f"models/{quote(name, safe='')}/{verb}")


def _tell(model: Any, as_json: bool) -> None:
    typer.echo(json.dumps(model) if as_json else f"{model['name']}: {model['state']}")
