"""`galerne receipts`: what answers were made of, and whether anybody changed that since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from galerne.cli.log_files import (
    CheckedFile,
    CheckedKey,
    ExportedHead,
    ExportedKey,
    KeptHeads,
    export_log,
    kept_heads,
    open_lines,
    verify_log,
)
from galerne.cli.options import Json
from galerne.errors import NotFound

if TYPE_CHECKING:
    from galerne.flows.receipts import Receipts
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


@app.command(epilog="Example: galerne receipts replay chatcmpl-f2bdce1d8a3c4dc7949a8874581cc575")
def replay(id: Annotated[str, typer.Argument(help="The answer's id, as `x-galerne-receipt` said it.")]) -> None:
    """Make an answer again, and say whether every token is the same.

    What was asked must have been kept (`keep_requests_days`). Ends with 1 when the answer is another one.
    """
    import asyncio

    from galerne import bootstrap
    from galerne.cli.progress import announce
    from galerne.settings import load_settings

    done = asyncio.run(bootstrap.replay_answer(id, load_settings(), announce))
    if not done.as_signed:
        typer.echo("what was kept is not what the receipt means", err=True)
    if done.engine != done.engine_now:
        typer.echo(f"it was answered by {done.engine}; this is {done.engine_now}", err=True)
    for number, choice in enumerate(done.choices):
        if choice.differs is None:
            typer.echo(f"choice {number}: all {choice.tokens} tokens are the same")
        else:
            typer.echo(f"choice {number}: token {choice.differs} of {choice.tokens} is another one")
    if not done.as_signed or any(choice.differs is not None for choice in done.choices):
        raise typer.Exit(1)


@app.command(epilog=EXAMPLE)
def export(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to: a line of JSON for each receipt.")],
    key: ExportedKey = None,
    head: ExportedHead = None,
) -> None:
    """Copy all receipts into a file, for whoever checks them elsewhere.

    Keep a head in another place each time: it shows later that no receipt was cut off the end.
    """
    from galerne import bootstrap
    from galerne.ledger.audit import Action
    from galerne.settings import load_settings

    bootstrap.note(load_settings(), Action.RECEIPTS_EXPORTED)
    with _receipts() as receipts:
        export_log(receipts, "receipts", file, key, head)


@app.command(epilog="Example: galerne receipts verify receipts.jsonl --key receipts.pem --head head.json")
def verify(file: CheckedFile = None, key: CheckedKey = None, head: KeptHeads = None, as_json: Json = False) -> None:
    """Check every receipt's signature, place and order. With a file and a key this needs nothing else.

    Ends with 1 when something was changed, and says which record.
    """
    from galerne.ledger.heads import RECEIPTS
    from galerne.ledger.signing import PublicKey

    public = PublicKey.read(key) if key is not None else _own_key()
    heads = kept_heads(head or (), RECEIPTS, public)
    with open_lines(file) if file is not None else nullcontext(_own_lines()) as lines:
        verify_log(lines, "receipts", public, heads, as_json)


@contextmanager
def _receipts() -> Iterator[Receipts]:
    from galerne import bootstrap
    from galerne.settings import load_settings

    database, receipts = bootstrap.open_receipts(load_settings())
    with closing(database):
        yield receipts


def _own_lines() -> Iterator[str]:
    with _receipts() as receipts:
        yield from receipts.lines()


def _own_key() -> PublicKey:
    with _receipts() as receipts:
        return receipts.key
