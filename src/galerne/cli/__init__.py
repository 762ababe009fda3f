"""The command line: one file per command. A command imports what it needs when it runs, so that `--help` is quick.

Exit codes: 0 done, 1 a failure that Galerne reports on purpose (one line on stderr), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from galerne import __version__
from galerne.cli import admin, audit, bench, chat, evaluate, models, receipts, serve
from galerne.errors import GalerneError

app = typer.Typer(
    name="galerne",
    help="Run open-weight models on your own machine: talk to them, serve them, measure them.",
    epilog="Example: galerne chat 'What is the galerne?'",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=chat.EXAMPLE)(chat.chat)
app.command(epilog=serve.EXAMPLE)(serve.serve)
app.command(epilog=bench.EXAMPLE)(bench.bench)
app.add_typer(models.app, name="models")
app.add_typer(evaluate.app, name="eval")
app.add_typer(receipts.app, name="receipts")
app.add_typer(audit.app, name="audit")
app.add_typer(admin.app, name="admin")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"galerne {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command that `sys.argv` names, and leave with its exit code."""
    try:
        app()
    except GalerneError as error:
        typer.echo(f"galerne: {' '.join(str(error).split())}", err=True)
        sys.exit(1)
