"""Rows in the terminal: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import typer


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON can say: times and sets as words."""
    return {name: _word(value) for name, value in row.items()}


def print_row(row: Mapping[str, Any], as_json: bool) -> None:
    """One thing: a line for each name."""
    if as_json:
        typer.echo(json.dumps(row))
        return
    width = max(map(len, row))
    for name, value in row.items():
        typer.echo(f"{name:<{width}} {'-' if value is None else value}")


def print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
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


def _word(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat(timespec="seconds")
        case frozenset():
            return sorted(value)
        case _:
            return value
