"""`galerne models`: the catalogue, and the models of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from galerne.cli.options import Json

if TYPE_CHECKING:
    from galerne.flows.catalogue import ModelCard
    from galerne.weights.sources import Progress

app = typer.Typer(
    help="List, fetch and keep models.", epilog="Example: galerne models list --here", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="A name of the catalogue, or an alias.", show_default=False)]


@app.command("list", epilog="Example: galerne models list --here")
def list_(
    here: Annotated[bool, typer.Option("--here", help="Only the models that are on this machine.")] = False,
    as_json: Json = False,
) -> None:
    """List the models of the catalogue and of this machine."""
    from galerne.flows.catalogue import list_models
    from galerne.settings import load_settings

    cards = [card for card in list_models(load_settings()) if card.manifest or not here]
    if as_json:
        typer.echo(json.dumps({"models": [_as_json(card) for card in cards]}))
    else:
        _print_table(cards)


@app.command(epilog="Example: galerne models show smollm2-135m-instruct")
def show(model: Name, as_json: Json = False) -> None:
    """Show all that is known of a model."""
    from galerne.flows.catalogue import show_model
    from galerne.settings import load_settings

    known = _as_json(show_model(model, load_settings()))
    if as_json:
        typer.echo(json.dumps(known))
        return
    for name, value in known.items():
        typer.echo(f"{name:<12} {_shown(name, value)}")


@app.command(epilog="Example: galerne models pull smollm2-135m-instruct")
def pull(
    model: Annotated[str | None, typer.Argument(help="A name or an alias; by default the setting `model`.")] = None,
    as_json: Json = False,
) -> None:
    """Fetch a model and check its digest. Interrupted, it goes on where it stopped the next time."""
    from galerne import bootstrap
    from galerne.flows.catalogue import pull_model
    from galerne.ledger.audit import Action, Party
    from galerne.settings import load_settings

    settings = load_settings()
    name = model or settings.model
    with _progress() as progress:
        path = pull_model(name, settings, progress)
    bootstrap.note(settings, Action.MODEL_PULLED, Party("model", name))
    typer.echo(json.dumps({"name": name, "path": str(path)}) if as_json else f"{name} is at {path}")


@app.command("import", epilog="Example: galerne models import ./My-Model.Q4_K_M.gguf --name my-model")
def import_(
    path: Annotated[Path, typer.Argument(help="A GGUF file, or a folder of config.json and safetensors.")],
    name: Annotated[str | None, typer.Option(help="What to call it; by default the file's name.")] = None,
    licence: Annotated[str, typer.Option(help="Its licence, for the list.")] = "unknown",
    linked: Annotated[bool, typer.Option("--link", help="Leave it where it lies, instead of copying it.")] = False,
    as_json: Json = False,
) -> None:
    """Take a model of your own, or one carried here by hand, among the models."""
    from galerne.flows.catalogue import import_model
    from galerne.settings import load_settings

    with _progress() as progress:
        card = import_model(path, name, licence, load_settings(), progress, linked=linked)
    known = {"name": card.entry.name, "path": str(card.path), "sha256": card.sha256}
    typer.echo(json.dumps(known) if as_json else f"{card.entry.name} is at {card.path}")


@app.command(epilog="Example: galerne models remove smollm2-135m-instruct")
def remove(
    model: Annotated[str, typer.Argument(help="Its name in the list.", show_default=False)], as_json: Json = False
) -> None:
    """Delete a model from this machine, and what an interrupted pull of it left. A linked file stays where it is."""
    from galerne import bootstrap
    from galerne.flows.catalogue import remove_model
    from galerne.ledger.audit import Action, Party
    from galerne.settings import load_settings

    settings = load_settings()
    remove_model(model, settings)
    bootstrap.note(settings, Action.MODEL_REMOVED, Party("model", model))
    typer.echo(json.dumps({"removed": model}) if as_json else f"{model} is removed")


def _as_json(card: ModelCard) -> dict[str, Any]:
    return card.entry.model_dump() | {
        "size": card.size,
        "sha256": card.sha256,
        "memory": card.memory,
        "fits": card.fits,
        "path": str(card.path) if card.path else None,
        "aliases": list(card.aliases),
    }


def _shown(name: str, value: Any) -> str:
    match name:
        case "size" | "memory":
            return f"{value / 1e9:.2f} GB"
        case "parameters":
            return _parameters(value)
        case "cache" if value is not None:
            return f"{value['layers']} layers, {value['kv_heads']} key/value heads of {value['head_dim']}"
        case "aliases":
            return ", ".join(value) or "-"
        case _ if value is None:
            return "-"
        case _ if isinstance(value, bool):
            return "yes" if value else "no"
    return str(value)


def _parameters(count: int) -> str:
    return f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.0f}M"


def _print_table(cards: list[ModelCard]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = 160  # what reads it can scroll
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("name", "licence"):
        table.add_column(heading, overflow="fold")
    for heading in ("params", "context", "size", "memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("fits", "here", "hash", "runs"):
        table.add_column(heading, no_wrap=True)
    for card in cards:
        table.add_row(*(Text(cell) for cell in _cells(card)))
    console.print(table)
    console.print(
        "size and memory in GB; * not for business; hash: known before it is pulled", style="dim", markup=False
    )


def _cells(card: ModelCard) -> tuple[str, ...]:
    entry = card.entry
    return (
        entry.name,
        f"{entry.licence} *" if entry.commercial is False else entry.licence,
        _parameters(entry.parameters),
        f"{entry.context:,}",
        f"{card.size / 1e9:.1f}",
        f"{card.memory / 1e9:.1f}",
        "yes" if card.fits else "no",
        "yes" if card.manifest else "-",
        "yes" if entry.sha256 else "-",
        "no" if entry.unsupported else "yes",
    )


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, else one line for each thing that is done; both on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines().tell
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bars(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        task = bars.add_task("", total=None)
        shown = ""

        def tell(what: str, done: int, total: int | None) -> None:
            nonlocal shown
            if what != shown:
                bars.reset(task, description=what, total=total)
                shown = what
            bars.update(task, completed=done, total=total)

        yield tell


class _Lines:
    """Progress where nobody watches: a log is not filled with bars."""

    def __init__(self) -> None:
        self._last = ""

    def tell(self, what: str, _done: int, total: int | None) -> None:
        if what != self._last:
            typer.echo(f"{what} ({total / 1e6:.0f} MB)" if total else what, err=True)
            self._last = what
