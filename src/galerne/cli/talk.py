"""The conversation of `galerne chat` with a person: lines in, streamed answers out, commands that begin with `/`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from galerne import bootstrap
from galerne.cli.conversation import Answer, Conversation, tell
from galerne.cli.progress import announce
from galerne.errors import GalerneError, SettingsError
from galerne.settings import Settings
from galerne.weights.resolve import resolve

if TYPE_CHECKING:
    from galerne.flows.chat import Chat

HELP = """\
/model [NAME]   show the model, or go on with another one
/system [TEXT]  tell the model something before anything else; without a text, forget it
/save FILE      write the conversation: Markdown, or messages where FILE ends in .json
/clear          forget the conversation
/help           show this
/quit           leave
Enter sends; Alt-Enter begins a new line. Ctrl-C stops an answer, Ctrl-D leaves."""

Command = Callable[["Talk", str], Awaitable[None]]


async def talk(conversation: Conversation, settings: Settings) -> None:
    """Talk until the person leaves. Raises what opening the first model raises."""
    session = _session(settings.chat_history)
    last: str | None = None  # the model that worked before this one
    while True:
        announce(f"Loading {conversation.model} ...")
        try:
            async with bootstrap.open_chat(conversation.model, settings, announce) as chat:
                announce("")
                last = conversation.model
                typer.secho(f"{conversation.model}: type a message; /help shows what else there is.", dim=True)
                if not await Talk(conversation, chat, session, settings).run():
                    return
        except GalerneError as error:
            if last is None or last == conversation.model:
                raise
            _complain(error)
            conversation.model = last


class Talk:
    """A person and one loaded model."""

    def __init__(self, conversation: Conversation, chat: Chat, session: PromptSession[str], settings: Settings) -> None:
        self._conversation = conversation
        self._chat = chat
        self._session = session
        self._settings = settings
        self._model = conversation.model
        self._over = False

    async def run(self) -> bool:
        """Talk; True when it shall go on with another model."""
        while not self._over and self._conversation.model == self._model:
            try:
                line = await self._session.prompt_async("> ")
            except KeyboardInterrupt:  # Ctrl-C empties the line
                continue
            except EOFError:
                return False
            try:
                if line.startswith("/"):
                    await self._command(line)
                elif line.strip():
                    await self._ask(line)
            except GalerneError as error:
                _complain(error)
        return not self._over

    async def _ask(self, question: str) -> None:
        task = asyncio.ensure_future(tell(self._chat, self._conversation.request(question), _write))
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, task.cancel)
        try:
            answer = await task
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            typer.echo()
        if answer.text:
            self._conversation.turns.append((question, answer.text))
        typer.secho(summary(answer), dim=True)

    async def _command(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        command = _COMMANDS.get(name.strip())
        if command is None:
            typer.secho(f"There is no command {name.strip()}; see /help.", fg="red")
        else:
            await command(self, rest.strip())

    async def _switch_model(self, name: str) -> None:
        if not name:
            typer.echo(self._model)
            return
        resolve(name, self._settings)  # refuses an unknown name while this model is still loaded
        self._conversation.model = name

    async def _set_system(self, text: str) -> None:
        self._conversation.system = text or None

    async def _save(self, name: str) -> None:
        if not name:
            typer.secho("Say where to: /save FILE", fg="red")
            return
        self._conversation.save(Path(name))
        typer.echo(f"Saved to {name}")

    async def _clear(self, _: str) -> None:
        self._conversation.turns.clear()

    async def _help(self, _: str) -> None:
        typer.echo(HELP)

    async def _quit(self, _: str) -> None:
        self._over = True


_COMMANDS: dict[str, Command] = {
    "/model": Talk._switch_model,
    "/system": Talk._set_system,
    "/save": Talk._save,
    "/clear": Talk._clear,
    "/help": Talk._help,
    "/quit": Talk._quit,
    "/exit": Talk._quit,
}


def summary(answer: Answer) -> str:
    """The line below an answer."""
    parts = [f"{answer.completion_tokens} tokens"]
    if answer.tokens_per_second is not None:
        parts.append(f"{answer.tokens_per_second:.1f} tokens/s")
    if answer.first_token_seconds is not None:
        parts.append(f"first token after {answer.first_token_seconds:.2f} s")
    if answer.finish_reason != "stop":
        parts.append({"length": "cut at the longest answer", "cancelled": "stopped"}[answer.finish_reason])
    return "[" + ", ".join(parts) + "]"


def _write(text: str) -> None:
    typer.echo(visible(text), nl=False)


def visible(text: str) -> str:
    """The text without control characters: what a model writes must not move the cursor or rename the window."""
    return "".join(character for character in text if character in "\n\t" or not _is_control(ord(character)))


def _is_control(code: int) -> bool:
    return code < 0x20 or 0x7F <= code < 0xA0


def _complain(error: GalerneError) -> None:
    typer.secho(str(error), fg="red", err=True)


def _session(history: Path) -> PromptSession[str]:
    try:
        history.parent.mkdir(parents=True, exist_ok=True)
        history.touch(mode=0o600)
    except OSError as error:
        raise SettingsError(f"{history} cannot be written: {error.strerror}.", where="chat_history") from None
    keys = KeyBindings()
    keys.add("enter")(lambda event: event.current_buffer.validate_and_handle())
    keys.add("escape", "enter")(_new_line)
    return PromptSession(history=FileHistory(str(history)), key_bindings=keys, multiline=True, prompt_continuation="  ")


def _new_line(event: KeyPressEvent) -> None:
    event.current_buffer.insert_text("\n")
