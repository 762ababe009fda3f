"""`galerne audit`: show, export, anchors, and checks that need nothing but a file and a key."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.store.authority import Authority, serving
from tests.store.ready import lay_out
from typer.testing import CliRunner, Result

from galerne import bootstrap
from galerne.cli import app
from galerne.errors import BadFile, NotFound, Unavailable
from galerne.ledger.audit import Action, Event, Party
from galerne.settings import Settings


@pytest.fixture(autouse=True)
def _three_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path / "data")
    monkeypatch.setenv("GALERNE_DATA_DIR", str(tmp_path / "data"))
    with bootstrap.open_audit(Settings()) as audit:
        for number in range(3):
            event = Event(Action.KEY_MADE, Party("user", "user-anna"), Party("key", f"key-{number}"))
            audit.log.record(event)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


def test_records_are_shown_as_they_are_looked_for() -> None:
    (record,) = json.loads(run("show", "--object", "key-1", "--json").output)
    assert (record["action"], record["actor"]["id"]) == ("key.made", "user-anna")
    lines = run("show", "--actor", "user-anna", "--limit", "2").output.splitlines()
    assert [line.split()[-1] for line in lines] == ["key:key-2", "key:key-1"]


def test_who_is_erased_is_shown_as_nobody() -> None:
    certificate = json.loads(run("erase", "user-anna").output)
    assert certificate["kind"] == "erasure"
    assert run("show", "--action", "key").output.count("(erased)") == 3
    assert "4 records, all as signed" in run("verify").output
    assert isinstance(run("erase", "user-anna").exception, NotFound)


def test_an_export_is_checked_with_nothing_but_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, key, head = tmp_path / "audit.jsonl", tmp_path / "audit.pem", tmp_path / "head.json"
    assert run("export", file, "--key", key, "--head", head).output == f"4 records in {file}\n"
    monkeypatch.setenv("GALERNE_DATABASE", "postgresql://nobody@127.0.0.1:9/none")
    assert run("verify", file, "--key", key, "--head", head).output == "4 records, all as signed\n"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:3]))
    answer = run("verify", file, "--key", key, "--head", head)
    assert (answer.exit_code, answer.output.splitlines()[0][:19]) == (1, "record 3 is missing")
    file.write_text("".join([lines[0], lines[1].replace("key-1", "key-9"), *lines[2:]]))
    answer = run("verify", file, "--key", key, "--head", head, "--json")
    assert [fault["index"] for fault in json.loads(answer.output)["faults"]] == [1]


def test_an_export_for_collectors_has_an_event_for_each_record(tmp_path: Path) -> None:
    run("export", tmp_path / "events.jsonl", "--ocsf")
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["class_uid"] for event in events] == [3004, 3004, 3004, 6003]
    assert events[0]["actor"]["user"]["uid"] == "user-anna"


def test_heads_in_a_file_elsewhere_show_a_cut_tail(tmp_path: Path) -> None:
    heads, file, key = tmp_path / "heads.jsonl", tmp_path / "audit.jsonl", tmp_path / "audit.pem"
    for _ in range(2):
        assert run("anchor", heads).exit_code == 0
    run("export", file, "--key", key)
    assert len(heads.read_text().splitlines()) == 2
    assert run("verify", file, "--key", key, "--head", heads).exit_code == 0
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    assert "record 2 is missing: the log held 3 records" in run("verify", file, "--key", key, "--head", heads).output
    changed = heads.read_text().replace('"size":3', '"size":2')
    heads.write_text(changed)
    assert isinstance(run("verify", file, "--key", key, "--head", heads).exception, BadFile)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no OpenSSL")
def test_an_authority_says_when_a_head_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tmp_path / name for name in ("ours", "theirs")]
    for folder in folders:
        folder.mkdir()
    ours, theirs = map(Authority, folders)
    heads = tmp_path / "heads.jsonl"
    with serving(ours) as address:
        monkeypatch.setenv("GALERNE_AUDIT_AUTHORITY", address)
        assert run("anchor", heads).exit_code == 0
    assert run("verify", "--head", heads, "--authority", ours.root).output == "3 records, all as signed\n"
    assert isinstance(run("verify", "--head", heads, "--authority", theirs.root).exception, BadFile)
    assert isinstance(run("anchor", heads).exception, Unavailable)  # the authority is gone
    stamped = json.loads(heads.read_text())
    with bootstrap.open_audit(Settings()) as audit:
        stamped["head"] = {**audit.head(), "time": "2020-01-01T00:00:00+00:00"}
    heads.write_text(json.dumps(stamped))
    assert isinstance(run("verify", "--head", heads, "--authority", ours.root).exception, BadFile)
