"""An answer's events -> the chunks of a stream, in whichever form they go over the wire."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from galerne.api.errors import report
from galerne.flows.answer_events import (
    AnswerEnd,
    AnswerEvent,
    AnswerStart,
    CallDelta,
    ChoiceEnd,
    Delta,
    TextDelta,
    ThinkingDelta,
)
from galerne.protocol.answers import AnswerModel, CompletionTokensDetails, ErrorObject, PromptTokensDetails, Usage
from galerne.protocol.generation import GenerationFields


class ChunkWriter(ABC):
    """The chunks of one stream. The last choice's end waits for the usage, which `mistralai` looks for there."""

    def __init__(self, request: GenerationFields) -> None:
        self.began = False
        self._n = request.n or 1
        self._include_usage = request.stream_options is not None and bool(request.stream_options.include_usage)
        self._start: AnswerStart
        self._open: set[int]  # choices that have not ended
        self._silent: set[int]  # choices that have not said a word
        self._waiting: ChoiceEnd | None = None

    def write(self, event: AnswerEvent) -> Iterator[AnswerModel]:
        if isinstance(event, AnswerStart):
            self._start = event
            self._open = set(range(self._n * len(event.prompts)))
            self._silent = set(self._open)
            return
        self.began = True
        usage = usage_of(event) if isinstance(event, AnswerEnd) else None
        if self._waiting is not None:
            self._open.discard(self._waiting.index)
            yield self._end(self._waiting, None if self._include_usage else usage)
            self._waiting = None
        match event:
            case TextDelta() | ThinkingDelta() | CallDelta():
                yield self._delta(event)
            case ChoiceEnd():
                self._waiting = event
            case AnswerEnd() if self._include_usage:
                yield self._usage(usage_of(event))

    def fail(self, error: Exception) -> Iterator[AnswerModel]:
        if self._waiting is not None:
            self._open.discard(self._waiting.index)
            yield self._end(self._waiting, None)
        yield self._failed(sorted(self._open), report(error).error)

    def _is_first(self, index: int) -> bool:
        """Whether the choice says its first word with this chunk."""
        first = index in self._silent
        self._silent.discard(index)
        return first

    @abstractmethod
    def _delta(self, delta: Delta) -> AnswerModel: ...

    @abstractmethod
    def _end(self, end: ChoiceEnd, usage: Usage | None) -> AnswerModel: ...

    @abstractmethod
    def _usage(self, usage: Usage) -> AnswerModel:
        """A chunk of no choice."""

    @abstractmethod
    def _failed(self, choices: list[int], error: ErrorObject) -> AnswerModel: ...


async def chunks(writer: ChunkWriter, events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[AnswerModel]:
    """An answer piece by piece. A failure before the first piece is raised; a later one is the last piece."""
    async with aclosing(events):
        try:
            async for event in events:
                for chunk in writer.write(event):
                    yield chunk
        except Exception as error:
            if not writer.began:
                raise
            for chunk in writer.fail(error):
                yield chunk


def usage_of(end: AnswerEnd) -> Usage:
    details = CompletionTokensDetails(reasoning_tokens=end.reasoning_tokens)
    return Usage(
        prompt_tokens=end.prompt_tokens,
        completion_tokens=end.completion_tokens,
        total_tokens=end.prompt_tokens + end.completion_tokens,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=end.cached_tokens),
        completion_tokens_details=details if end.reasoning_tokens else None,
    )
