"""What conversations ask of a model is answered by chats."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import ValidationError

from galerne.agents.answers import Accepted, AnswerPiece, Finished, Question, Text
from galerne.errors import InvalidRequest
from galerne.flows.answer_events import AnswerEnd, AnswerStart, ChoiceEnd, TextDelta
from galerne.flows.chat import Chat
from galerne.identity.caller import Caller
from galerne.protocol.chat import ChatRequest


class ChatAnswers:
    """Fills the port `Answers` for one caller."""

    def __init__(self, chat: Chat, caller: Caller) -> None:
        self._chat = chat
        self._caller = caller

    async def answer(self, question: Question) -> AsyncGenerator[AnswerPiece]:
        async with aclosing(self._chat.answer(_request(question), self._caller)) as events:
            cut = False
            async for event in events:
                match event:
                    case AnswerStart():
                        yield Accepted()
                    case TextDelta() if event.text:
                        yield Text(event.text)
                    case ChoiceEnd():
                        cut = event.reason == "length"
                    case AnswerEnd():
                        yield Finished(cut, event.prompt_tokens, event.cached_tokens, event.completion_tokens)


def _request(question: Question) -> ChatRequest:
    arguments = {name: value for name, value in question.completion_args if value is not None}
    try:
        return ChatRequest(model=question.model, messages=question.messages, **arguments)
    except ValidationError as error:  # what is right by itself may be wrong together
        raise InvalidRequest(f"{error.errors()[0]['msg'].removeprefix('Value error, ')}.") from None
