"""`galerne audit`: who did what, and whether anybody changed that since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
    written,
)
from galerne.cli.options import Json

if TYPE_CHECKING:
    from galerne.flows.audit import Audit
    from galerne.ledger.signing import PublicKey

EXAMPLE = "Example: galerne audit show --action key"

app = typer.Typer(help="Who did what, when, to what.", epilog=EXAMPLE, no_args_is_help=True)


@app.command(epilog=EXAMPLE)
def show(
    actor: Annotated[str | None, typer.Option(help="The id of who did it.")] = None,
    action: Annotated[str | None, typer.Option(help="key.made, ...; or key, for all that is done to keys.")] = None,
    object: Annotated[str | None, typer.Option(help="The id of what it was done to.")] = None,
    workspace: Annotated[str | None, typer.Option(help="Where.")] = None,
    since: Annotated[datetime | None, typer.Option(help="In UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="In UTC; not included.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Print the newest records that fit, readable where nobody has been erased."""
    from galerne.ledger.audit import AuditFilter

    which = AuditFilter(actor, action, object, workspace, _utc(since), _utc(until))
    with _audit() as audit:
        records = audit.log.page(which, limit).records
    if as_json:
        typer.echo(json.dumps(records))
        return
    for record in records:
        typer.echo(_line(record))


@app.command(epilog="Example: galerne audit export audit.jsonl --key audit.pem --head head.json")
def export(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to: a line of JSON for each record.")],
    key: ExportedKey = None,
    head: ExportedHead = None,
    ocsf: Annotated[
        bool, typer.Option("--ocsf", help="As events of the Open Cybersecurity Schema Framework, for log collectors.")
    ] = False,
) -> None:
    """Copy the log into a file, as it was signed, for whoever checks it elsewhere."""
    from galerne import bootstrap
    from galerne.ledger.audit import Action
    from galerne.settings import load_settings

    bootstrap.note(load_settings(), Action.AUDIT_EXPORTED)
    with _audit() as audit:
        if not ocsf:
            export_log(audit, "records", file, key, head)
            return
        with written(file) as sink:
            sink.writelines(f"{line}\n" for line in audit.ocsf_lines())


@app.command(epilog="Example: galerne audit verify audit.jsonl --key audit.pem --head head.json")
def verify(
    file: CheckedFile = None,
    key: CheckedKey = None,
    head: KeptHeads = None,
    authority: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="Certificates that the heads' timestamps must lead to, as PEM."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every record's signature, place and order. With a file and a key this needs nothing else.

    Ends with 1 when something was changed, and says which record.
    """
    from galerne.ledger.heads import AUDIT
    from galerne.ledger.signing import PublicKey
    from galerne.ledger.timestamps import read_roots

    public = PublicKey.read(key) if key is not None else _own_key()
    roots = [root for path in authority or () for root in read_roots(path)]
    heads = kept_heads(head or (), AUDIT, public, roots)
    with open_lines(file) if file is not None else nullcontext(_own_lines()) as lines:
        verify_log(lines, "records", public, heads, as_json)


@app.command(epilog="Example: galerne audit head > head.json")
def head() -> None:
    """Print how far the log is, signed."""
    with _audit() as audit:
        typer.echo(json.dumps(audit.head()))


@app.command(epilog="Example: galerne audit anchor elsewhere/heads.jsonl")
def anchor(
    file: Annotated[
        Path | None, typer.Argument(dir_okay=False, help="Add a line to this file; by default to that of the settings.")
    ] = None,
) -> None:
    """Take the log's newest head to another place, as the settings say, and print it.

    Ends with 1 when the peer remembers more records than there are.
    """
    from galerne import bootstrap
    from galerne.settings import load_settings

    settings = load_settings({"audit_anchor_file": file})
    with bootstrap.open_audit(settings) as audit:
        typer.echo(json.dumps(bootstrap.build_anchoring(audit, settings).anchor()))


@app.command(epilog="Example: galerne audit erase user-2f6c0e1b7a9d4c55 > certificate.json")
def erase(
    id: Annotated[str, typer.Argument(help="The id of a user.")],
    kind: Annotated[
        Literal["user", "operator", "address", "email"], typer.Option(help="What the id is, if it is no user's.")
    ] = "user",
) -> None:
    """Erase somebody for good, and print a signed certificate.

    What is theirs is removed, and what the log says of who they are nobody can read any more. Copies of the database
    that were made before still hold it: let them expire.
    """
    from galerne import bootstrap
    from galerne.ledger.audit import Action, Event, Party
    from galerne.settings import load_settings

    with bootstrap.open_erasure(load_settings()) as erasure:
        certificate = erasure.erase(Party(kind, id), Event(Action.USER_ERASED, bootstrap.operator()))
    typer.echo(json.dumps(certificate))


@contextmanager
def _audit() -> Iterator[Audit]:
    from galerne import bootstrap
    from galerne.settings import load_settings

    with bootstrap.open_audit(load_settings()) as audit:
        yield audit


def _own_lines() -> Iterator[str]:
    with _audit() as audit:
        yield from audit.lines()


def _own_key() -> PublicKey:
    with _audit() as audit:
        return audit.key


def _utc(time: datetime | None) -> datetime | None:
    return time and time.replace(tzinfo=UTC)


def _line(record: dict[str, Any]) -> str:
    """A record for people."""
    actor, thing = record["actor"], record["object"]
    words = [record["time"], f"{record['index']:>6}", f"{record['action']:<18}", record["result"], _party(actor)]
    details = " ".join(f"{name}={value}" for name, value in record["details"].items())
    return "  ".join([*words, *([_party(thing)] if thing else []), *([details] if details else [])])


def _party(party: dict[str, Any]) -> str:
    named = party["kind"] if party["id"] is None else f"{party['kind']}:{party['id']}"
    return f"{named} (erased)" if party.get("erased") else named
