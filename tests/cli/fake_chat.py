"""The chat flow without a model: it answers with what the test gave it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from galerne import bootstrap
from galerne.engine.events import Work
from galerne.errors import GalerneError, ModelNotFound
from galerne.flows.answer_events import AnswerEnd, AnswerEvent, AnswerStart, ChoiceEnd, Prompt, TextDelta
from galerne.identity.caller import Caller
from galerne.protocol.chat import ChatRequest


class FakeChat:
    """Answers each question with the next of `answers`: pieces of text, or the failure that comes after them."""

    def __init__(self, answers: list[list[str | GalerneError]]) -> None:
        self.answers = answers
        self.requests: list[ChatRequest] = []
        self.opened: list[str] = []
        self.waits = asyncio.Event()  # set when an answer hangs

    async def answer(self, request: ChatRequest, _: Caller) -> AsyncGenerator[AnswerEvent]:
        self.requests.append(request)
        pieces = self.answers.pop(0)
        yield AnswerStart(
            "chatcmpl-1", 0, request.model, "fingerprint", [Prompt(range(7), "messages", continues=False)]
        )
        for piece in pieces:
            if isinstance(piece, GalerneError):
                raise piece
            if piece == "...":
                self.waits.set()
                await asyncio.Event().wait()
            yield TextDelta(0, piece)
        yield ChoiceEnd(0, "stop", Work(completion_tokens=len(pieces)))
        yield AnswerEnd(7, 0, len(pieces))

    def install(self, monkeypatch: pytest.MonkeyPatch, *, missing: tuple[str, ...] = ()) -> None:
        """Let `bootstrap.open_chat` give this chat."""

        @asynccontextmanager
        async def open_chat(name: str, *_: Any) -> AsyncIterator[FakeChat]:
            if name in missing:
                raise ModelNotFound("there is no such model.", where=name)
            self.opened.append(name)
            yield self

        monkeypatch.setattr(bootstrap, "open_chat", open_chat)
