"""An answer in the form of a chat's, which code completions have, too: whole or in chunks."""

from __future__ import annotations

from typing import Any

from galerne.api.chunks import ChunkWriter, usage_of
from galerne.api.collected import Collected, CollectedChoice
from galerne.api.dialect import ANYBODY, Dialect
from galerne.flows.answer_events import CallDelta, ChoiceEnd, Delta, TextDelta, ThinkingDelta
from galerne.protocol.answers import (
    AnswerCall,
    AnswerContent,
    AnswerMessage,
    CalledFunction,
    ChatChunk,
    ChatResponse,
    Choice,
    ChunkChoice,
    ErrorObject,
    FailedChunk,
    Logprobs,
    MessageDelta,
    TextChunk,
    ThinkChunk,
    TokenLogprob,
    Usage,
)
from galerne.protocol.generation import GenerationFields


def chat_response(request: GenerationFields, answer: Collected, dialect: Dialect = ANYBODY) -> ChatResponse:
    """All of an answer."""
    choices = [
        Choice(
            index=index,
            message=_message(choice, dialect),
            finish_reason=choice.reason,
            logprobs=_logprobs(request, [shown.logprob for shown in choice.tokens if shown.logprob is not None]),
        )
        for index, choice in enumerate(answer.choices)
    ]
    return ChatResponse(
        id=answer.start.id,
        created=answer.start.created,
        model=answer.start.model,
        system_fingerprint=answer.start.fingerprint,
        choices=choices,
        usage=usage_of(answer.end),
        metadata=request.metadata,
    )


class ChatChunks(ChunkWriter):
    """The chunks of an answer, of which the first one of each choice says its role."""

    def __init__(self, request: GenerationFields, dialect: Dialect = ANYBODY) -> None:
        super().__init__(request)
        self._request = request
        self._dialect = dialect

    def _delta(self, delta: Delta) -> ChatChunk:
        logprobs = _logprobs(self._request, delta.logprobs) if isinstance(delta, TextDelta) else None
        message = self._message(delta.index, **_said(delta, self._dialect))
        return self._chunk([ChunkChoice(index=delta.index, delta=message, logprobs=logprobs)], None)

    def _end(self, end: ChoiceEnd, usage: Usage | None) -> ChatChunk:
        message = self._message(end.index)
        return self._chunk([ChunkChoice(index=end.index, delta=message, finish_reason=end.reason)], usage)

    def _usage(self, usage: Usage) -> ChatChunk:
        return self._chunk([], usage)

    def _failed(self, choices: list[int], error: ErrorObject) -> FailedChunk:
        failed = [ChunkChoice(index=index, delta=MessageDelta(), finish_reason="error") for index in choices]
        return FailedChunk(**dict(self._chunk(failed, None)), error=error)

    def _message(self, index: int, **said: Any) -> MessageDelta:
        return MessageDelta(role="assistant" if self._is_first(index) else None, **said)

    def _chunk(self, choices: list[ChunkChoice], usage: Usage | None) -> ChatChunk:
        return ChatChunk(
            id=self._start.id,
            created=self._start.created,
            model=self._start.model,
            system_fingerprint=self._start.fingerprint,
            choices=choices,
            usage=usage,
        )


def _message(choice: CollectedChoice, dialect: Dialect) -> AnswerMessage:
    content: AnswerContent = choice.text
    if choice.thinking and dialect.thinks_in_content:
        content = [_think_chunk(choice.thinking), *([TextChunk(text=choice.text)] if choice.text else [])]
    calls = [
        AnswerCall(index=index, id=call.id, function=CalledFunction(name=call.name, arguments=call.arguments))
        for index, call in enumerate(choice.calls)
    ]
    apart = choice.thinking if not dialect.thinks_in_content else None
    return AnswerMessage(content=content, reasoning_content=apart or None, tool_calls=calls or None)


def _said(delta: Delta, dialect: Dialect) -> dict[str, Any]:
    """The field of a message that a piece of an answer belongs to, and the piece."""
    match delta:
        case TextDelta():
            return {"content": delta.text}
        case ThinkingDelta() if dialect.thinks_in_content:
            return {"content": [_think_chunk(delta.text)]}
        case ThinkingDelta():
            return {"reasoning_content": delta.text}
        case CallDelta():
            function = CalledFunction(name=delta.name or "", arguments=delta.arguments)
            return {"tool_calls": [AnswerCall(index=delta.call, id=delta.id, function=function)]}


def _think_chunk(text: str) -> ThinkChunk:
    return ThinkChunk(thinking=[TextChunk(text=text)])


def _logprobs(request: GenerationFields, tokens: list[TokenLogprob]) -> Logprobs | None:
    return None if request.alternatives is None else Logprobs(content=tokens)
