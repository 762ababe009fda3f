"""What must hold of the books, whatever happened to the process and its disk."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests.flows.fakes import ScriptedGenerator, served

from galerne.bootstrap import open_kept
from galerne.flows.signed_log import read_records
from galerne.ledger.chain import Head, faults
from galerne.ledger.prices import Kind, Price
from galerne.ledger.quota import Holder, Limit, Measure, Subject
from galerne.settings import Settings
from galerne.store.books import SqlBooks, reservations
from galerne.store.database import Database
from galerne.store.files import files
from galerne.store.keys import keys
from galerne.store.quota import counters
from galerne.store.transfers import transfers
from galerne.store.usage import usage

ANNA = Subject(Holder.WORKSPACE, "anna")
LIMITS = (Limit(ANNA, Measure.TOKENS_MONTH, 10**9), Limit(ANNA, Measure.CONCURRENT, 100))
PRICES = tuple(
    Price("fake", kind, date(2026, 1, 1), cost)
    for kind, cost in ((Kind.INPUT, 100), (Kind.CACHED, 10), (Kind.OUTPUT, 300))
)


def check(folder: Path, told: list[dict[str, Any]]) -> Counter[str]:
    """Start again after whatever happened, and look. Raises `AssertionError`. Returns what there was to look at."""
    settings = Settings(data_dir=folder, disk_reserve_mb=0)
    database, kept = open_kept(served(ScriptedGenerator(lambda _: b"")), settings)
    try:
        used = _books(database)
        receipts, events = _logs(kept, told)
        _answers(used, receipts, events, told)
        _administered(database, told)
        _files(database, folder, told)
    finally:
        database.close()
    return Counter({"answers": len(used), "lost answers": sum(row["reason"] == "lost" for row in used.values())})


def _books(database: Database) -> dict[str, dict[str, Any]]:
    """The usage, by id: all of it charged once, nothing left open, limits as far used as they say."""
    with database.read() as connection:
        rows = connection.execute(select(usage)).mappings().all()
        open_ones = connection.execute(select(reservations)).all()
        charged = Counter({row.id: row.nano_euros for row in connection.execute(select(transfers))})
        counted = {row.measure: row.used for row in connection.execute(select(counters)) if row.subject == "anna"}
    assert open_ones == [], "a reservation was never given back"
    used = {row["id"]: dict(row) for row in rows}
    assert charged == Counter({id: row["nano_euros"] for id, row in used.items() if row["nano_euros"]}), "charged twice"
    tokens = sum(
        row["input_tokens"] + row["cached_tokens"] + row["output_tokens"] + row["embedding_tokens"]
        for row in used.values()
    )
    assert counted.get(Measure.TOKENS_MONTH.value, 0) == tokens, "a limit counts what nobody used"
    assert counted.get(Measure.CONCURRENT.value, 0) == 0, "a request runs for ever"
    return used


def _logs(kept: Any, told: list[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The receipts by id, and the audit log: both whole, up to the heads that were told."""
    found = []
    for log, name in ((kept.receipts, "receipts"), (kept.audit, "audit")):
        records = list(read_records(log.lines()))
        heads = [Head(what[name]["size"], what[name]["last"]) for what in told if name in what]
        assert list(faults(records, log.key, heads)) == [], name
        found.append([record for record in records if record is not None])
    receipts, events = found
    return {record["id"]: record for record in receipts}, events


def _answers(
    used: dict[str, Any], receipts: dict[str, Any], events: list[dict[str, Any]], told: list[dict[str, Any]]
) -> None:
    """What was acknowledged is on record as it was; of what had left, all is billed."""
    noted = Counter(event["object"]["id"] for event in events if event["action"] == "answer.given")
    assert noted == Counter(used.keys()), "an answer is missing on the audit log, or twice on it"
    assert set(receipts) == set(used), "an answer has no receipt, or a receipt no answer"
    for what in told:
        if "answered" in what:
            assert used[what["answered"]]["output_tokens"] == what["tokens"], what
        elif "piece" in what and what["tokens"]:
            assert used[what["piece"]]["output_tokens"] >= what["tokens"], what
        elif "embedded" in what:
            assert what["embedded"] in used, what


def _administered(database: Database, told: list[dict[str, Any]]) -> None:
    with database.read() as connection:
        revoked = {row.id: row.revoked for row in connection.execute(select(keys))}
    books = SqlBooks(database, None)  # type: ignore[arg-type]  # it signs nothing here
    for what in told:
        if "key" in what:
            assert what["key"] in revoked
        elif "revoked" in what:
            assert revoked[what["revoked"]] is not None
        elif "limit" in what:
            assert Limit(Subject(Holder.WORKSPACE, "default"), Measure.TOKENS_MONTH, what["limit"]) in books.limits()
        elif "price" in what:
            assert any(price.nano_euros == what["price"] for price in books.prices())


def _files(database: Database, folder: Path, told: list[dict[str, Any]]) -> None:
    """What is known is whole; what was acknowledged is known, unless it was to be deleted."""
    with database.read() as connection:
        known = {row.id: row for row in connection.execute(select(files))}
    for id, row in known.items():
        assert (folder / "files" / id).stat().st_size == row.size, "a file is known, but not whole"
    deleted = {what["deleted"] for what in told if "deleted" in what}
    assert not deleted & set(known)
    for number, what in enumerate(what for what in told if "file" in what):
        if number:  # the first one is to be deleted
            assert (folder / "files" / what["file"]).read_text() == what["content"]
