"""`galerne chat`: a conversation in the terminal, or one answer for a script."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from galerne.cli.options import Json, Model
from galerne.errors import InvalidRequest, TooLarge

if TYPE_CHECKING:
    from galerne.cli.conversation import Answer, Conversation
    from galerne.settings import Settings

EXAMPLE = "Example: galerne chat 'Why is the sky blue?' --max-tokens 100"


def chat(
    question: Annotated[
        str | None, typer.Argument(help="Answer this and end; by default, talk (or answer standard input).")
    ] = None,
    model: Model = None,
    system: Annotated[str | None, typer.Option(help="What the model is told before anything else.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="0: always the likeliest word.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="The longest answer, in tokens.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed gives the same answer.")] = None,
    as_json: Json = False,
) -> None:
    """Talk to a model. With a question, or one on standard input, print the answer alone."""
    from galerne.cli.conversation import Conversation
    from galerne.settings import load_settings

    settings = load_settings({"model": model})
    conversation = Conversation(settings.model, system, temperature, max_tokens, seed)
    if question is None and sys.stdin.isatty() and not as_json:
        from galerne.cli.talk import talk

        asyncio.run(talk(conversation, settings))
        return
    question = question if question is not None else _piped(settings)
    if not question.strip():
        raise typer.BadParameter("there is none; give it as an argument or on standard input.", param_hint="QUESTION")
    answer = asyncio.run(_answer(conversation, question, settings, stream=not as_json))
    if as_json:
        from dataclasses import asdict

        typer.echo(json.dumps({"model": conversation.model, **asdict(answer)}))


def _piped(settings: Settings) -> str:
    largest = settings.max_body_mb << 20
    content = sys.stdin.buffer.read(largest + 1)
    if len(content) > largest:
        raise TooLarge(f"has more than {settings.max_body_mb} MiB (max_body_mb).", where="standard input")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"byte {error.start} is not UTF-8.", where="standard input") from None


async def _answer(conversation: Conversation, question: str, settings: Settings, *, stream: bool) -> Answer:
    from galerne import bootstrap
    from galerne.cli.conversation import tell
    from galerne.cli.progress import announce

    def write(text: str) -> None:
        typer.echo(text, nl=False)

    async with bootstrap.open_chat(conversation.model, settings, announce) as chat:
        announce("")
        answer = await tell(chat, conversation.request(question), write if stream else lambda _: None)
    if stream:
        typer.echo()
    return answer
