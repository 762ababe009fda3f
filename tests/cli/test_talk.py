from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from tests.cli.fake_chat import FakeChat

from galerne.cli.conversation import Answer, Conversation
from galerne.cli.talk import summary, talk, visible
from galerne.errors import EngineFailed, ModelNotFound, SettingsError
from galerne.settings import Settings

MODEL = "smollm2-135m-instruct"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    model = tmp_path / "other.gguf"
    model.touch()
    aliases = {"other": str(model)}
    return Settings(chat_history=tmp_path / "state" / "history", models_dir=tmp_path, aliases=aliases)


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


Talk = Callable[..., Conversation]


@pytest.fixture
def typed(keyboard: PipeInput, settings: Settings) -> Talk:
    """Type these lines, then leave; gives the conversation that came of them."""

    def run(*lines: str, leave: str = "/quit\r") -> Conversation:
        conversation = Conversation(MODEL)
        keyboard.send_text("".join(f"{line}\r" for line in lines) + leave)
        asyncio.run(talk(conversation, settings))
        return conversation

    return run


def test_the_conversation_goes_on(
    typed: Talk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = FakeChat([["Hel", "lo!"], ["Fine."]])
    chat.install(monkeypatch)
    conversation = typed("Hi", "How are you?", leave="\x04")  # Ctrl-D
    assert conversation.turns == [("Hi", "Hello!"), ("How are you?", "Fine.")]
    assert [message.content for message in chat.requests[1].messages] == ["Hi", "Hello!", "How are you?"]
    printed = capsys.readouterr().out
    assert "Hello!\n" in printed
    assert "[2 tokens, " in printed
    assert " tokens/s, first token after " in printed


def test_a_message_may_have_several_lines(typed: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeChat([["Yes."]]).install(monkeypatch)
    assert typed("one\x1b\rtwo").turns == [("one\ntwo", "Yes.")]  # Alt-Enter


def test_pasted_lines_are_one_message(typed: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeChat([["Yes."]]).install(monkeypatch)
    assert typed("\x1b[200~one\r\ntwo\x1b[201~").turns == [("one\ntwo", "Yes.")]


def test_ctrl_c_stops_the_answer_and_not_the_program(
    keyboard: PipeInput, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = FakeChat([["The begin", "ning", "..."], ["Next."]])
    chat.install(monkeypatch)
    conversation = Conversation(MODEL)

    async def run() -> None:
        talking = asyncio.create_task(talk(conversation, settings))
        keyboard.send_text("Tell me all\r")
        await chat.waits.wait()
        os.kill(os.getpid(), signal.SIGINT)
        while not conversation.turns:
            await asyncio.sleep(0.01)
        keyboard.send_text("And now?\r/quit\r")
        await talking

    asyncio.run(run())
    assert conversation.turns == [("Tell me all", "The beginning"), ("And now?", "Next.")]
    assert ", stopped]" in capsys.readouterr().out


def test_ctrl_c_empties_the_line(typed: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeChat([["Yes."]]).install(monkeypatch)
    assert typed("never mind\x03right").turns == [("right", "Yes.")]


def test_a_failure_leaves_the_conversation_as_it_was(
    typed: Talk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeChat([["One."], ["Half", EngineFailed("the engine stopped.")], ["Three."]]).install(monkeypatch)
    assert typed("1", "2", "3").turns == [("1", "One."), ("3", "Three.")]
    assert "the engine stopped." in capsys.readouterr().err


def test_the_system_message_can_be_changed_and_forgotten(typed: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = FakeChat([["a"], ["b"]])
    chat.install(monkeypatch)
    typed("/system Be kind.", "1", "/system", "2")
    assert [[message.role for message in request.messages] for request in chat.requests] == [
        ["system", "user"],
        ["user", "assistant", "user"],
    ]


def test_clear_forgets(typed: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeChat([["a"]]).install(monkeypatch)
    assert typed("1", "/clear").turns == []


def test_another_model_goes_on_with_the_conversation(typed: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = FakeChat([["a"], ["b"]])
    chat.install(monkeypatch)
    conversation = typed("1", "/model other", "2")
    assert chat.opened == [MODEL, "other"]
    assert chat.requests[1].model == "other"
    assert conversation.turns == [("1", "a"), ("2", "b")]


def test_an_unknown_model_changes_nothing(
    typed: Talk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = FakeChat([["a"]])
    chat.install(monkeypatch)
    assert typed("/model nowhere", "/model", "1").model == MODEL
    assert chat.opened == [MODEL]
    printed = capsys.readouterr()
    assert "there is no model of that name" in printed.err
    assert f"{MODEL}\n" in printed.out


def test_a_model_that_cannot_be_opened_gives_the_last_one_back(
    typed: Talk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = FakeChat([["a"]])
    chat.install(monkeypatch, missing=("other",))
    assert typed("/model other", "1").turns == [("1", "a")]
    assert chat.opened == [MODEL, MODEL]
    assert "there is no such model" in capsys.readouterr().err


def test_a_first_model_that_cannot_be_opened_ends_it(typed: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeChat([]).install(monkeypatch, missing=(MODEL,))
    with pytest.raises(ModelNotFound):
        typed("1")


@pytest.mark.parametrize("name", ["talk.md", "talk.json"])
def test_save_writes_the_conversation_once(
    typed: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    FakeChat([["Salut !"]]).install(monkeypatch)
    path = tmp_path / name
    typed("Ça va ?", f"/save {path}", f"/save {path}", "/save", f"/save {tmp_path}/no/folder")
    text = path.read_text()
    if name.endswith(".json"):
        assert json.loads(text) == [{"role": "user", "content": "Ça va ?"}, {"role": "assistant", "content": "Salut !"}]
    else:
        assert text == "## user\n\nÇa va ?\n\n## assistant\n\nSalut !\n"
    printed = capsys.readouterr()
    assert "the file exists already. Choose another name." in printed.err
    assert "cannot be written: No such file or directory." in printed.err
    assert "Say where to: /save FILE" in printed.out


def test_help_and_unknown_commands(
    typed: Talk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeChat([]).install(monkeypatch)
    typed("/help", "/nothing", "  ")
    printed = capsys.readouterr().out
    assert "/system [TEXT]" in printed
    assert "There is no command /nothing; see /help." in printed


def test_the_history_is_kept_for_this_user_alone(
    typed: Talk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeChat([["a"]]).install(monkeypatch)
    typed("remember me")
    assert "remember me" in settings.chat_history.read_text()
    assert settings.chat_history.stat().st_mode & 0o777 == 0o600


def test_a_history_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"chat_history: .*/file/history cannot be written"):
        asyncio.run(talk(Conversation(MODEL), Settings(chat_history=tmp_path / "file" / "history")))


def test_control_characters_of_an_answer_are_not_sent_to_the_terminal() -> None:
    assert visible("a\x1b]0;title\x07b\x9b2Jc\r\n\td\x7fé\u202f🙂") == "a]0;titleb2Jc\n\tdé\u202f🙂"


def test_the_line_below_an_answer() -> None:
    assert summary(Answer("x", "stop", 5, 1, 0.25, None)) == "[1 tokens, first token after 0.25 s]"
    assert summary(Answer("x", "length", 5, 9, 0.25, 40.0)) == (
        "[9 tokens, 40.0 tokens/s, first token after 0.25 s, cut at the longest answer]"
    )
    assert summary(Answer("", "cancelled", 5, 0, None, None)) == "[0 tokens, stopped]"
