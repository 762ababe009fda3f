"""A conversation in the terminal: what was said, how answers are asked for, and how one is told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from galerne.errors import InvalidRequest
from galerne.identity.caller import DEFAULT_WORKSPACE, Caller

if TYPE_CHECKING:
    from galerne.flows.chat import Chat
    from galerne.protocol.chat import ChatRequest

LOCAL = Caller(DEFAULT_WORKSPACE)
"""Whoever sits at the terminal."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question. `tell` sets every field."""

    text: str
    finish_reason: str  # "stop", "length", or "cancelled" when Ctrl-C ended it
    prompt_tokens: int
    completion_tokens: int
    first_token_seconds: float | None  # from the question to the first text; None when there was none
    tokens_per_second: float | None  # from the first text on; None when there was no second token


@dataclass(slots=True)
class Conversation:
    """The messages so far. The command's options and the `/` commands set the other fields."""

    model: str
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    turns: list[tuple[str, str]] = field(default_factory=list)  # (question, answer)

    def messages(self, question: str | None = None) -> list[dict[str, str]]:
        messages = [{"role": "system", "content": self.system}] if self.system else []
        for asked, answered in self.turns:
            messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
        return messages + ([{"role": "user", "content": question}] if question is not None else [])

    def request(self, question: str) -> ChatRequest:
        from galerne.protocol.chat import ChatRequest

        return ChatRequest.model_validate(
            {
                "model": self.model,
                "messages": self.messages(question),
                "temperature": self.temperature,
                "max_tokens": self.max_tokens,
                "seed": self.seed,
            }
        )

    def save(self, path: Path) -> None:
        """Write the conversation: as a list of messages where the name ends in .json, else as Markdown.

        Raises `InvalidRequest` when there is such a file already, or it cannot be written.
        """
        if path.suffix == ".json":
            text = json.dumps(self.messages(), ensure_ascii=False, indent=2) + "\n"
        else:
            text = "\n".join(f"## {message['role']}\n\n{message['content']}\n" for message in self.messages())
        try:
            with path.expanduser().open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise InvalidRequest("the file exists already.", where=str(path), hint="Choose another name.") from None
        except OSError as error:
            raise InvalidRequest(f"cannot be written: {error.strerror}.", where=str(path)) from None


async def tell(chat: Chat, request: ChatRequest, write: Callable[[str], None]) -> Answer:
    """Ask for an answer, and hand its text to `write` as it comes. Cancelled, it returns what there is so far."""
    from galerne.flows.answer_events import AnswerEnd, AnswerStart, ChoiceEnd, TextDelta

    began, first = time.perf_counter(), None
    pieces: list[str] = []
    reason, prompt_tokens, completion_tokens = "cancelled", 0, 0
    try:
        async with aclosing(chat.answer(request, LOCAL)) as events:
            async for event in events:
                match event:
                    case AnswerStart():
                        prompt_tokens = event.prompt_tokens
                    case TextDelta():
                        first = first or time.perf_counter()
                        pieces.append(event.text)
                        write(event.text)
                    case ChoiceEnd():
                        reason = event.reason
                    case AnswerEnd():
                        completion_tokens = event.completion_tokens
    except asyncio.CancelledError:
        completion_tokens = len(pieces)  # nearly: the engine's own count comes with the end, which nobody waits for
    return Answer(
        text="".join(pieces),
        finish_reason=reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        first_token_seconds=first and first - began,
        tokens_per_second=(completion_tokens - 1) / (time.perf_counter() - first)
        if first is not None and completion_tokens > 1
        else None,
    )
