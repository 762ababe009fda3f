"""An answer in the form of a chat's, which code completions have, too: whole or in chunks."""

from __future__ import annotations

from galerne.api.chunks import ChunkWriter, usage_of
from galerne.api.collected import Collected
from galerne.flows.answer_events import ChoiceEnd, TextDelta
from galerne.protocol.answers import (
    AnswerMessage,
    ChatChunk,
    ChatResponse,
    Choice,
    ChunkChoice,
    Delta,
    ErrorObject,
    FailedChunk,
    Logprobs,
    TokenLogprob,
    Usage,
)
from galerne.protocol.generation import GenerationFields


def chat_response(request: GenerationFields, answer: Collected) -> ChatResponse:
    """All of an answer."""
    choices = [
        Choice(
            index=index,
            message=AnswerMessage(content=choice.text),
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

    def __init__(self, request: GenerationFields) -> None:
        super().__init__(request)
        self._request = request

    def _text(self, delta: TextDelta) -> ChatChunk:
        message = self._delta(delta.index, delta.text)
        logprobs = _logprobs(self._request, delta.logprobs)
        return self._chunk([ChunkChoice(index=delta.index, delta=message, logprobs=logprobs)], None)

    def _end(self, end: ChoiceEnd, usage: Usage | None) -> ChatChunk:
        message = self._delta(end.index, None)
        return self._chunk([ChunkChoice(index=end.index, delta=message, finish_reason=end.reason)], usage)

    def _usage(self, usage: Usage) -> ChatChunk:
        return self._chunk([], usage)

    def _failed(self, choices: list[int], error: ErrorObject) -> FailedChunk:
        failed = [ChunkChoice(index=index, delta=Delta(), finish_reason="error") for index in choices]
        return FailedChunk(**dict(self._chunk(failed, None)), error=error)

    def _delta(self, index: int, text: str | None) -> Delta:
        return Delta(role="assistant" if self._is_first(index) else None, content=text)

    def _chunk(self, choices: list[ChunkChoice], usage: Usage | None) -> ChatChunk:
        return ChatChunk(
            id=self._start.id,
            created=self._start.created,
            model=self._start.model,
            system_fingerprint=self._start.fingerprint,
            choices=choices,
            usage=usage,
        )


def _logprobs(request: GenerationFields, tokens: list[TokenLogprob]) -> Logprobs | None:
    return None if request.alternatives is None else Logprobs(content=tokens)
