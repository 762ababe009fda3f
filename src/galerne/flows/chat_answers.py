"""What conversations ask of a model is answered by chats."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import ValidationError

from galerne.agents.answers import Accepted, AnswerPiece, Call, Finished, Question, Text, Thought
from galerne.errors import InvalidRequest
from galerne.flows.answer_events import AnswerEnd, AnswerStart, CallDelta, ChoiceEnd, TextDelta, ThinkingDelta
from galerne.flows.chat import Chat
from galerne.identity.caller import Caller
from galerne.protocol.chat import ChatRequest


class ChatAnswers:
    """Fills the port `Answers` for one caller."""

    def __init__(self, chat: Chat, caller: Caller, endpoint: str) -> None:
        """`endpoint` is what answers are on record under."""
        self._chat = chat
        self._caller = caller
        self._endpoint = endpoint

    async def answer(self, question: Question) -> AsyncGenerator[AnswerPiece]:
        answer = self._chat.answer(_request(question), self._caller, question.id, endpoint=self._endpoint)
        async with aclosing(answer) as events:
            cut = False
            async for event in events:
                match event:
                    case AnswerStart():
                        yield Accepted()
                    case ThinkingDelta():
                        yield Thought(event.text)
                    case TextDelta() if event.text:
                        yield Text(event.text)
                    case CallDelta():
                        yield Call(event.call, event.arguments, event.id, event.name)
                    case ChoiceEnd():
                        cut = event.reason == "length"
                    case AnswerEnd():
                        yield Finished(
                            cut,
                            event.prompt_tokens,
                            event.cached_tokens,
                            event.completion_tokens,
                            event.reasoning_tokens,
                        )

    async def count(self, question: Question) -> int:
        """The tokens of the prompt. Raises what answering raises before the first piece."""
        return await self._chat.count(_request(question), self._caller)


def _request(question: Question) -> ChatRequest:
    arguments = {name: value for name, value in question.completion_args if value is not None}
    tools = list(question.tools) or None
    try:
        return ChatRequest(model=question.model, messages=list(question.messages), tools=tools, **arguments)
    except ValidationError as error:  # what is right by itself may be wrong together
        raise InvalidRequest(f"{error.errors()[0]['msg'].removeprefix('Value error, ')}.") from None
