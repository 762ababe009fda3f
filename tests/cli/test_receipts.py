"""`galerne receipts`: show, export, and checks that need nothing but a file and a key."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.store.ready import lay_out
from typer.testing import CliRunner, Result

from galerne import bootstrap
from galerne.bootstrap import LoadedModel
from galerne.bootstrap.served import served_model
from galerne.cli import app
from galerne.errors import BadFile, NotFound
from galerne.flows.answer_events import AnswerStart
from galerne.flows.chat import Chat
from galerne.flows.kept_requests import Keeping
from galerne.flows.served import ServedModels
from galerne.identity.caller import Caller
from galerne.ledger.books import Closing
from galerne.ledger.prices import Cost, Kind
from galerne.ledger.usage import Reservation
from galerne.protocol.chat import ChatRequest
from galerne.protocol.messages import UserMessage
from galerne.settings import Settings, load_settings
from galerne.store.books import SqlBooks

NOW = datetime(2026, 11, 25, 15, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _three_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path / "data")
    monkeypatch.setenv("GALERNE_DATA_DIR", str(tmp_path / "data"))
    settings = Settings()
    database, _ = bootstrap.open_receipts(settings)
    books = SqlBooks(database, bootstrap.receipts_key(settings))
    for number in range(3):
        answer = Reservation(
            f"a{number}", "o", "w", None, None, "/v1/x", "m", 1, 1, 0, NOW, "j", number, "d", None, "e", "p"
        )
        books.reserve(answer)
        costs = [Cost(Kind.INPUT, 1, 0), Cost(Kind.OUTPUT, 1, 0)]
        used = answer.settled(NOW, costs, cpu_seconds=None, joules=None, reason="stop")
        books.close([Closing(answer, (used, {"kind": "answer", "id": answer.id}))])
    database.close()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["receipts", *map(str, arguments)])


def exported(folder: Path) -> tuple[Path, Path, Path]:
    file, key, head = folder / "receipts.jsonl", folder / "receipts.pem", folder / "head.json"
    answer = run("export", file, "--key", key, "--head", head)
    assert answer.exit_code == 0
    assert answer.output == f"3 receipts in {file}\n"
    return file, key, head


def test_a_receipt_is_shown() -> None:
    assert json.loads(run("show", "a1").output)["index"] == 1
    assert isinstance(run("show", "a9").exception, NotFound)


def test_what_was_exported_is_checked_with_nothing_but_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, key, head = exported(tmp_path)
    monkeypatch.setenv("GALERNE_DATABASE", "postgresql://nobody@127.0.0.1:9/none")
    answer = run("verify", file, "--key", key, "--head", head)
    assert (answer.exit_code, answer.output) == (0, "3 receipts, all as signed\n")


def test_what_was_changed_is_named(tmp_path: Path) -> None:
    file, key, head = exported(tmp_path)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[1].replace('"a1"', '"b1"'), lines[2]]))
    answer = run("verify", file, "--key", key)
    assert answer.exit_code == 1
    assert "record 1 was changed" in answer.output
    file.write_text(lines[0])
    report = run("verify", file, "--key", key, "--head", head, "--json")
    assert (report.exit_code, json.loads(report.output)["faults"][0]["index"]) == (1, 1)


def test_this_machine_s_own_log_is_checked_without_a_file() -> None:
    assert run("verify").output == "3 receipts, all as signed\n"


def test_what_is_no_key_and_no_head_is_refused(tmp_path: Path) -> None:
    file, key, head = exported(tmp_path)
    assert isinstance(run("verify", file, "--key", file).exception, BadFile)
    head.write_text("{}")
    assert isinstance(run("verify", file, "--key", key, "--head", head).exception, BadFile)
    assert isinstance(run("export", tmp_path / "none" / "x.jsonl").exception, BadFile)


async def _answered(settings: Settings, loaded: LoadedModel) -> str:
    """Ask a model, with everything on record, and return the answer's id."""
    generator = bootstrap.build_generator(loaded, settings)
    models = ServedModels([served_model(loaded, generator, settings)], {})
    database, kept = bootstrap.open_kept(models, settings)
    assert kept.requests is not None
    chat = Chat(models, Keeping(kept.billing, kept.requests), settings)
    question = [UserMessage(role="user", content="Hi")]
    request = ChatRequest(model=loaded.name, messages=question, n=2, min_tokens=12, max_tokens=12)
    ids = [event.id async for event in chat.answer(request, Caller("default")) if isinstance(event, AnswerStart)]
    await kept.billing.end()
    await generator.close()
    database.close()
    return ids[0]


def test_an_answer_is_made_again_token_by_token(
    default_model: Path, kernels_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MODELS_DIR", default_model.parents[1]), ("KERNELS_DIR", kernels_folder)):
        monkeypatch.setenv(f"GALERNE_{name}", str(value))
    monkeypatch.setenv("GALERNE_KEEP_REQUESTS_DAYS", "1")
    settings = load_settings()
    loaded = bootstrap.load_local_model(settings.model, settings)
    id = asyncio.run(_answered(settings, loaded))
    loaded.template.close()
    again = run("replay", id)
    assert again.exit_code == 0, again.output
    assert again.output.count("all 12 tokens are the same") == 2
    assert isinstance(run("replay", "a1").exception, NotFound)
