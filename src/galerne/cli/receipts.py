"""`galerne receipts`: what answers were made of, and whether anybody changed that since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from galerne.cli.options import Json
from galerne.errors import BadFile, NotFound

if TYPE_CHECKING:
    from galerne.ledger.chain import Head
    from galerne.ledger.signing import PublicKey

EXAMPLE = "Example: galerne receipts export receipts.jsonl"

app = typer.Typer(help="Show, export and check the receipts of answers.", epilog=EXAMPLE, no_args_is_help=True)


@app.command(epilog="Example: galerne receipts show chatcmpl-f2bdce1d8a3c4dc7949a8874581cc575")
def show(id: Annotated[str, typer.Argument(help="The answer's id, as `x-galerne-receipt` said it.")]) -> None:
    """Print a receipt."""
    for record in map(json.loads, _own_lines()):
        if record.get("id") == id:
            typer.echo(json.dumps(record, indent=2, ensure_ascii=False))
            return
    raise NotFound("there is no receipt of such an answer.", where=id)


@app.command(epilog=EXAMPLE)
def export(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to: a line of JSON for each receipt.")],
    key: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the public key there, too.")] = None,
    head: Annotated[Path | None, typer.Option(dir_okay=False, help="Write how far the log is there, too.")] = None,
) -> None:
    """Copy all receipts into a file, for whoever checks them elsewhere.

    Keep a head in another place each time: it shows later that no receipt was cut off the end.
    """
    from galerne import bootstrap
    from galerne.settings import load_settings

    database, receipts = bootstrap.open_receipts(load_settings())
    with closing(database):
        until = receipts.head()
        with _written(file) as sink:
            for _, line in zip(range(until.size), receipts.lines(), strict=False):
                sink.write(f"{line}\n")
        if key is not None:
            with _written(key) as sink:
                sink.write(receipts.key.pem)
        if head is not None:
            with _written(head) as sink:
                sink.write(json.dumps({"size": until.size, "last": until.last}) + "\n")
    typer.echo(f"{until.size} receipts in {file}")


@app.command(epilog="Example: galerne receipts verify receipts.jsonl --key receipts.pem --head head.json")
def verify(
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="An exported log; by default this machine's own.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The public key; by default this machine's.")
    ] = None,
    head: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A head that was kept; may be given twice.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every receipt's signature, place and order. With a file and a key this needs nothing else.

    Ends with 1 when something was changed, and says which record.
    """
    from galerne.flows.receipts import read_records
    from galerne.ledger.chain import faults
    from galerne.ledger.signing import PublicKey

    heads = [_read_head(path) for path in head or ()]
    public = PublicKey.read(key) if key is not None else _own_key()
    with file.open(encoding="utf-8", errors="replace") if file is not None else nullcontext(_own_lines()) as lines:
        records = list(read_records(lines))
    found = list(faults(records, public, heads))
    if as_json:
        report = [{"index": fault.index, "reason": fault.reason} for fault in found]
        typer.echo(json.dumps({"records": len(records), "faults": report}))
    else:
        for fault in found:
            typer.echo(f"record {fault.index} {fault.reason}", err=True)
        typer.echo(
            f"{len(records)} receipts, {len(found)} faults" if found else f"{len(records)} receipts, all as signed"
        )
    if found:
        raise typer.Exit(1)


def _own_lines() -> Iterator[str]:
    from galerne import bootstrap
    from galerne.settings import load_settings

    database, receipts = bootstrap.open_receipts(load_settings())
    with closing(database):
        yield from receipts.lines()


def _own_key() -> PublicKey:
    from galerne import bootstrap
    from galerne.settings import load_settings

    database, receipts = bootstrap.open_receipts(load_settings())
    database.close()
    return receipts.key


def _read_head(path: Path) -> Head:
    from galerne.ledger.chain import Head

    try:
        head = json.loads(path.read_text())
        return Head(int(head["size"]), str(head["last"]))
    except (ValueError, LookupError, TypeError) as error:
        raise BadFile("is no head of a log.", where=str(path)) from error


def _written(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise BadFile(f"cannot be written: {error.strerror}.", where=str(path)) from None
