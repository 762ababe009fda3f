"""A line that says how far a command is; only for people, and rewritten in place."""

from __future__ import annotations

import sys

import typer


def announce(line: str) -> None:
    """Show `line` instead of the one before; an empty one leaves the place to what is printed next."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{line}", nl=False, err=True)
