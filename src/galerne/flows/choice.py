"""One choice: tokens -> reasoning, text and calls that may be shown, up to a stop string."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from galerne.engine.events import TokenEvent
from galerne.flows.answer_events import CallDelta, Delta, ShownToken, TextDelta, ThinkingDelta
from galerne.flows.answer_form import JUST_TEXT, AnswerForm
from galerne.prompt.answer_parser import Piece
from galerne.prompt.call_ids import short_id
from galerne.prompt.detokenizer import Detokenizer
from galerne.prompt.stops import StopStrings
from galerne.prompt.tokenizer import Tokenizer
from galerne.protocol.answers import TokenAlternative, TokenLogprob

LEAST_LOGPROB = -9999.0
"""What stands for minus infinity, which JSON does not know; `openai` documents this number."""


class ChoiceText:
    """Holds back what may turn out to belong to a stop string, in the text and in the log-probabilities.

    Stop strings count in the text alone: not in its reasoning, nor in the arguments of a call."""

    def __init__(
        self,
        index: int,
        tokenizer: Tokenizer,
        stops: Sequence[str],
        form: AnswerForm = JUST_TEXT,
        *,
        min_tokens: int,
        continues: bool,
        tells_tokens: bool = False,
        name: str = "",
    ) -> None:
        """Before `min_tokens` tokens no stop string counts; `continues`: the answer goes on within a text;
        `tells_tokens`: the tokens come with their text, as they do with log-probabilities. `name` is a unique one, of
        which the ids of calls are made."""
        self.stopped = False
        self.calls = 0
        self.reasoning_tokens = 0
        self._index = index
        self._name = name
        self._tokenizer = tokenizer
        self._detokenizer = Detokenizer(tokenizer, continues=continues, spelled=form.spelled)
        self._parser = form.parser()
        self._stops = StopStrings(stops)
        self._tells_tokens = tells_tokens
        self._unchecked = min_tokens
        self._known = 0  # characters that the tokens so far gave
        self._shown = 0  # of them, shown, or never to be shown
        self._held: deque[tuple[int, ShownToken]] = deque()  # (where the token's text ends, the token)

    def push(self, event: TokenEvent) -> Iterator[Delta]:
        """What may be shown now. After a stop string (`stopped`) nothing more comes."""
        if self.stopped:
            return
        text, start = self._detokenizer.push(event.token), self._known
        self._known += len(text)
        if self._tells_tokens or event.logprob is not None:
            end = self._known + self._detokenizer.waits
            self._held.append((end, ShownToken(event.token, start, self._logprob(event))))
        thought = self._parser.thinks
        pieces = self._parser.push(text)
        self.reasoning_tokens += thought or self._parser.thinks
        yield from self._deltas(pieces)
        self._unchecked -= 1

    def finish(self) -> Iterator[Delta]:
        """The rest, when the answer ended without a stop string."""
        if self.stopped:
            return
        text = self._detokenizer.finish()
        self._known += len(text)
        yield from self._deltas([*self._parser.push(text), *self._parser.finish()])
        if not self.stopped:
            yield from self._show(self._stops.finish())

    def _deltas(self, pieces: Iterable[Piece]) -> Iterator[Delta]:
        for piece in pieces:
            if piece.kind == "text":
                yield from self._show(self._check(piece.text))
                if self.stopped:
                    return
                continue
            yield from self._show(self._stops.finish())
            self._shown += len(piece.text)
            match piece.kind:
                case "thinking":
                    yield ThinkingDelta(self._index, piece.text)
                case "name":
                    id = short_id(f"{self._name}/{self.calls}")
                    yield CallDelta(self._index, self.calls, id=id, name=piece.text)
                    self.calls += 1
                case "arguments":
                    yield CallDelta(self._index, self.calls - 1, piece.text)
        yield from self._show("")

    def _check(self, text: str) -> str:
        if self._unchecked > 0:
            return text
        text, found = self._stops.push(text)
        self.stopped = found is not None
        return text

    def _show(self, text: str) -> Iterator[TextDelta]:
        self._shown += len(text)
        tokens = []
        while self._held and self._held[0][0] <= self._shown:
            tokens.append(self._held.popleft()[1])
        if text or tokens:
            yield TextDelta(self._index, text, tuple(tokens))

    def _logprob(self, event: TokenEvent) -> TokenLogprob | None:
        if event.logprob is None:
            return None
        top = [self._alternative(token, value) for token, value in event.top]
        return TokenLogprob(**dict(self._alternative(event.token, event.logprob)), top_logprobs=top)

    def _alternative(self, token: int, logprob: float) -> TokenAlternative:
        return TokenAlternative(
            token=self._tokenizer.token_text(token),
            logprob=max(logprob, LEAST_LOGPROB),
            bytes=list(self._tokenizer.token_bytes(token)),
            token_id=token,
        )
