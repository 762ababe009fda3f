"""An answer in the form of OpenAI's completions: whole or in chunks."""

from __future__ import annotations

from collections.abc import Sequence

from galerne.api.chunks import ChunkWriter, usage_of
from galerne.api.collected import Collected, CollectedChoice
from galerne.flows.answer_events import AnswerStart, ChoiceEnd, Delta, ShownToken, TextDelta
from galerne.protocol.answers import ErrorObject, FinishReason, TokenLogprob, Usage
from galerne.protocol.completions import (
    Completion,
    CompletionChoice,
    CompletionLogprobs,
    CompletionRequest,
    FailedCompletion,
)


def completion(request: CompletionRequest, answer: Collected) -> Completion:
    """All of an answer."""
    choices = [_choice(request, index, choice) for index, choice in enumerate(answer.choices)]
    return _completion(answer.start, choices, usage_of(answer.end)).model_copy(update={"metadata": request.metadata})


class CompletionChunks(ChunkWriter):
    """The chunks of an answer, of which the first one of each choice may show its prompt."""

    def __init__(self, request: CompletionRequest) -> None:
        super().__init__(request)
        self._request = request

    def _delta(self, delta: Delta) -> Completion:
        assert isinstance(delta, TextDelta)  # a completion is just text
        return self._chunk(delta.index, delta.text, delta.tokens, None, None)

    def _end(self, end: ChoiceEnd, usage: Usage | None) -> Completion:
        return self._chunk(end.index, "", (), end.reason, usage)

    def _usage(self, usage: Usage) -> Completion:
        return _completion(self._start, [], usage)

    def _failed(self, choices: list[int], error: ErrorObject) -> FailedCompletion:
        failed = [CompletionChoice(index=index, text="", finish_reason="error") for index in choices]
        return FailedCompletion(**dict(_completion(self._start, failed, None)), error=error)

    def _chunk(
        self, index: int, text: str, tokens: Sequence[ShownToken], reason: FinishReason | None, usage: Usage | None
    ) -> Completion:
        prompt = self._start.prompts[index // self._n]
        first = self._is_first(index)
        choice = CompletionChoice(
            index=index,
            text=prompt.echo + text if first else text,
            finish_reason=reason,
            logprobs=_logprobs(self._request, tokens),
            token_ids=[shown.token for shown in tokens] if self._request.return_token_ids else None,
            prompt_token_ids=list(prompt.tokens) if self._request.return_token_ids and first else None,
        )
        return _completion(self._start, [choice], usage)


def _choice(request: CompletionRequest, index: int, choice: CollectedChoice) -> CompletionChoice:
    return CompletionChoice(
        index=index,
        text=choice.prompt.echo + choice.text,
        finish_reason=choice.reason,
        logprobs=_logprobs(request, choice.tokens),
        token_ids=[shown.token for shown in choice.tokens] if request.return_token_ids else None,
        prompt_token_ids=list(choice.prompt.tokens) if request.return_token_ids else None,
    )


def _completion(start: AnswerStart, choices: list[CompletionChoice], usage: Usage | None) -> Completion:
    return Completion(
        id=start.id,
        created=start.created,
        model=start.model,
        system_fingerprint=start.fingerprint,
        choices=choices,
        usage=usage,
    )


def _logprobs(request: CompletionRequest, tokens: Sequence[ShownToken]) -> CompletionLogprobs | None:
    if request.logprobs is None:
        return None
    told = [(shown, shown.logprob) for shown in tokens if shown.logprob is not None]
    return CompletionLogprobs(
        tokens=[logprob.token for _, logprob in told],
        token_logprobs=[logprob.logprob for _, logprob in told],
        top_logprobs=[_top(logprob) for _, logprob in told],
        text_offset=[shown.start for shown, _ in told],
    )


def _top(logprob: TokenLogprob) -> dict[str, float]:
    """The best tokens and the chosen one, best first. Of tokens that are spelled alike, the best."""
    best: dict[str, float] = {}
    for one in sorted((*logprob.top_logprobs, logprob), key=lambda one: -one.logprob):
        best.setdefault(one.token, one.logprob)
    return best
