from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.fake_chat import FakeChat
from typer.testing import CliRunner

from galerne.cli import app
from galerne.errors import EngineFailed, QueueFull


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_question_gets_its_answer_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = FakeChat([["Because", " it", " scatters."]])
    chat.install(monkeypatch)
    options = ["--system", "Be brief.", "--temperature", "0.5", "--max-tokens", "9", "--seed", "4", "-m", "gpt-4o"]
    answer = CliRunner().invoke(app, ["chat", "Why is the sky blue?", *options])
    assert (answer.exit_code, answer.stdout) == (0, "Because it scatters.\n")
    request = chat.requests[0]
    assert [(message.role, message.content) for message in request.messages] == [
        ("system", "Be brief."),
        ("user", "Why is the sky blue?"),
    ]
    assert (request.model, request.temperature, request.max_tokens, request.seed) == ("gpt-4o", 0.5, 9, 4)


def test_standard_input_is_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = FakeChat([["Bonjour."]])
    chat.install(monkeypatch)
    answer = CliRunner().invoke(app, ["chat"], input="Dis bonjour à l'été.\n")
    assert (answer.exit_code, answer.stdout) == (0, "Bonjour.\n")
    assert chat.requests[0].messages[0].content == "Dis bonjour à l'été.\n"


def test_a_script_reads_json(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeChat([["One", " two"]]).install(monkeypatch)
    answer = CliRunner().invoke(app, ["chat", "Count", "--json"])
    told = json.loads(answer.stdout)
    assert told["model"] == "smollm2-135m-instruct"
    assert (told["text"], told["finish_reason"]) == ("One two", "stop")
    assert (told["prompt_tokens"], told["completion_tokens"]) == (7, 2)
    assert told["tokens_per_second"] > 0
    assert told["first_token_seconds"] >= 0


@pytest.mark.parametrize("typed", ["", " \n"])
def test_no_question_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    FakeChat([]).install(monkeypatch)
    assert CliRunner().invoke(app, ["chat"], input=typed).exit_code == 2


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"caf\xe9", "standard input: byte 3 is not UTF-8"),
        (b"x" * (1 << 20 | 1), "standard input: has more than 1 MiB"),
    ],
)
def test_a_bad_question_is_refused(monkeypatch: pytest.MonkeyPatch, sent: bytes, words: str) -> None:
    monkeypatch.setenv("GALERNE_MAX_BODY_MB", "1")
    answer = CliRunner().invoke(app, ["chat"], input=sent)
    assert words in str(answer.exception)


def test_a_failure_in_mid_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeChat([["Half an ", EngineFailed("the engine stopped.")]]).install(monkeypatch)
    answer = CliRunner().invoke(app, ["chat", "Hello"])
    assert isinstance(answer.exception, EngineFailed)
    assert answer.stdout == "Half an "


def test_a_failure_before_the_answer_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeChat([[QueueFull("too many.")]]).install(monkeypatch)
    answer = CliRunner().invoke(app, ["chat", "Hello", "--json"])
    assert isinstance(answer.exception, QueueFull)
    assert answer.stdout == ""
