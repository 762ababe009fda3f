"""A chat's events -> what goes over the wire, whole or in chunks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from galerne.api.errors import report
from galerne.flows.answer_events import AnswerEnd, AnswerEvent, AnswerStart, ChoiceEnd, TextDelta
from galerne.protocol.answers import (
    AnswerMessage,
    ChatChunk,
    ChatResponse,
    Choice,
    ChunkChoice,
    Delta,
    FailedChunk,
    FinishReason,
    Logprobs,
    PromptTokensDetails,
    TokenLogprob,
    Usage,
)
from galerne.protocol.chat import ChatRequest


async def whole(request: ChatRequest, events: AsyncGenerator[AnswerEvent]) -> ChatResponse:
    """All of an answer."""
    choices = [_OpenChoice() for _ in range(request.n or 1)]
    async with aclosing(events):
        async for event in events:
            match event:
                case AnswerStart():
                    start = event
                case TextDelta():
                    choices[event.index].texts.append(event.text)
                    choices[event.index].logprobs.extend(event.logprobs)
                case ChoiceEnd():
                    choices[event.index].reason = event.reason
                case AnswerEnd():
                    end = event
    return ChatResponse(
        id=start.id,
        created=start.created,
        model=start.model,
        system_fingerprint=start.fingerprint,
        choices=[choice.close(index, request) for index, choice in enumerate(choices)],
        usage=_usage(end),
        metadata=request.metadata,
    )


async def chunks(request: ChatRequest, events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[ChatChunk]:
    """An answer piece by piece. A failure before the first piece is raised; a later one is the last piece."""
    writer = _ChunkWriter(request)
    async with aclosing(events):
        try:
            async for event in events:
                for chunk in writer.write(event):
                    yield chunk
        except Exception as error:
            if not writer.began:
                raise
            yield writer.fail(error)


class _OpenChoice:
    """What has come of a choice."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.logprobs: list[TokenLogprob] = []
        self.reason: FinishReason = "stop"

    def close(self, index: int, request: ChatRequest) -> Choice:
        return Choice(
            index=index,
            message=AnswerMessage(content="".join(self.texts)),
            finish_reason=self.reason,
            logprobs=Logprobs(content=self.logprobs) if request.logprobs else None,
        )


class _ChunkWriter:
    """The chunks of one stream. The last choice's end waits for the usage, which `mistralai` looks for there."""

    def __init__(self, request: ChatRequest) -> None:
        self.began = False
        self._include_usage = request.stream_options is not None and bool(request.stream_options.include_usage)
        self._logprobs = bool(request.logprobs)
        self._open = set(range(request.n or 1))
        self._silent = set(self._open)  # choices that have not said their role
        self._waiting: ChoiceEnd | None = None

    def write(self, event: AnswerEvent) -> Iterator[ChatChunk]:
        if isinstance(event, AnswerStart):
            self._start = event
            return
        self.began = True
        usage = _usage(event) if isinstance(event, AnswerEnd) else None
        if self._waiting is not None:
            yield self._end(self._waiting, None if self._include_usage else usage)
            self._waiting = None
        match event:
            case TextDelta():
                yield self._text(event)
            case ChoiceEnd():
                self._waiting = event
            case AnswerEnd() if self._include_usage:
                yield self._chunk([], usage)

    def fail(self, error: Exception) -> FailedChunk:
        choices = [ChunkChoice(index=index, delta=Delta(), finish_reason="error") for index in sorted(self._open)]
        return FailedChunk(**dict(self._chunk(choices, None)), error=report(error).error)

    def _text(self, event: TextDelta) -> ChatChunk:
        logprobs = Logprobs(content=list(event.logprobs)) if self._logprobs else None
        delta = self._delta(event.index, event.text)
        return self._chunk([ChunkChoice(index=event.index, delta=delta, logprobs=logprobs)], None)

    def _end(self, event: ChoiceEnd, usage: Usage | None) -> ChatChunk:
        self._open.discard(event.index)
        delta = self._delta(event.index, None)
        return self._chunk([ChunkChoice(index=event.index, delta=delta, finish_reason=event.reason)], usage)

    def _delta(self, index: int, text: str | None) -> Delta:
        first = index in self._silent
        self._silent.discard(index)
        return Delta(role="assistant" if first else None, content=text)

    def _chunk(self, choices: list[ChunkChoice], usage: Usage | None) -> ChatChunk:
        start = self._start
        return ChatChunk(
            id=start.id,
            created=start.created,
            model=start.model,
            system_fingerprint=start.fingerprint,
            choices=choices,
            usage=usage,
        )


def _usage(end: AnswerEnd) -> Usage:
    return Usage(
        prompt_tokens=end.prompt_tokens,
        completion_tokens=end.completion_tokens,
        total_tokens=end.prompt_tokens + end.completion_tokens,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=end.cached_tokens),
    )
