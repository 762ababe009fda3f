"""Tamper-evident logs as files: what `galerne receipts` and `galerne audit` have in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from galerne.errors import BadFile

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from galerne.flows.signed_log import SignedLog
    from galerne.ledger.chain import Head
    from galerne.ledger.signing import PublicKey

ExportedKey = Annotated[Path | None, typer.Option(dir_okay=False, help="Write the public key there, too.")]
ExportedHead = Annotated[Path | None, typer.Option(dir_okay=False, help="Write how far the log is there, too.")]
CheckedFile = Annotated[
    Path | None, typer.Argument(exists=True, dir_okay=False, help="An exported log; by default this machine's own.")
]
CheckedKey = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="The public key; by default this machine's.")
]
KeptHeads = Annotated[
    list[Path] | None,
    typer.Option(exists=True, dir_okay=False, help="Heads that were kept, one in a line; may be given twice."),
]


def export_log(log: SignedLog, noun: str, file: Path, key: Path | None, head: Path | None) -> None:
    """Write the log, its key and its head. Raises `BadFile`."""
    until, count = log.head(), 0
    with written(file) as sink:
        for line in log.lines():
            sink.write(f"{line}\n")
            count += 1
    if key is not None:
        with written(key) as sink:
            sink.write(log.key.pem)
    if head is not None:
        with written(head) as sink:
            sink.write(json.dumps(until) + "\n")
    typer.echo(f"{count} {noun} in {file}")


def verify_log(lines: Iterable[str], noun: str, key: PublicKey, heads: Iterable[Head], as_json: bool) -> None:
    """Say what was changed, and end with 1 if anything was."""
    from galerne.flows.signed_log import checked

    count, found = checked(lines, key, heads)
    if as_json:
        report = [{"index": fault.index, "reason": fault.reason} for fault in found]
        typer.echo(json.dumps({"records": count, "faults": report}))
    else:
        for fault in found:
            typer.echo(f"record {fault.index} {fault.reason}", err=True)
        typer.echo(f"{count} {noun}, {len(found)} faults" if found else f"{count} {noun}, all as signed")
    if found:
        raise typer.Exit(1)


def kept_heads(paths: Sequence[Path], log: str, key: PublicKey, roots: Sequence[Certificate] = ()) -> list[Head]:
    """The heads in these files. Raises `BadFile`."""
    from galerne.flows.signed_log import read_heads

    heads = []
    for path in paths:
        with open_lines(path) as lines:
            heads += [each.head for each in read_heads(lines, log, key, str(path), roots)]
    return heads


def open_lines(path: Path) -> TextIO:
    """An exported file, read line by line whatever is in it."""
    return path.open(encoding="utf-8", errors="replace", newline="\n")


def written(path: Path) -> TextIO:
    """The file, open to be written. Raises `BadFile`."""
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise BadFile(f"cannot be written: {error.strerror}.", where=str(path)) from None
