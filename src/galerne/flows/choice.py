"""One choice: tokens -> text that may be shown, up to a stop string."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from galerne.engine.events import TokenEvent
from galerne.flows.answer_events import ShownToken, TextDelta
from galerne.prompt.detokenizer import Detokenizer
from galerne.prompt.stops import StopStrings
from galerne.prompt.tokenizer import Tokenizer
from galerne.protocol.answers import TokenAlternative, TokenLogprob

LEAST_LOGPROB = -9999.0
"""What stands for minus infinity, which JSON does not know; `openai` documents this number."""


class ChoiceText:
    """Holds back what may turn out to belong to a stop string, in the text and in the log-probabilities."""

    def __init__(
        self,
        index: int,
        tokenizer: Tokenizer,
        stops: Sequence[str],
        *,
        min_tokens: int,
        continues: bool,
        tells_tokens: bool = False,
    ) -> None:
        """Before `min_tokens` tokens no stop string counts; `continues`: the answer goes on within a text;
        `tells_tokens`: the tokens come with their text, as they do with log-probabilities."""
        self.stopped = False
        self._index = index
        self._tokenizer = tokenizer
        self._detokenizer = Detokenizer(tokenizer, continues=continues)
        self._stops = StopStrings(stops)
        self._tells_tokens = tells_tokens
        self._unchecked = min_tokens
        self._known = 0  # characters that the tokens so far gave
        self._shown = 0  # of them, shown
        self._held: deque[tuple[int, ShownToken]] = deque()  # (where the token's text ends, the token)

    def push(self, event: TokenEvent) -> TextDelta | None:
        """What may be shown now, if anything. After a stop string (`stopped`) nothing more comes."""
        if self.stopped:
            return None
        text, start = self._detokenizer.push(event.token), self._known
        self._known += len(text)
        if self._tells_tokens or event.logprob is not None:
            end = self._known + self._detokenizer.waits
            self._held.append((end, ShownToken(event.token, start, self._logprob(event))))
        return self._show(self._check(text))

    def finish(self) -> TextDelta | None:
        """The rest, when the answer ended without a stop string."""
        if self.stopped:
            return None
        text = self._detokenizer.finish()
        self._known += len(text)
        text = self._check(text)
        return self._show(text if self.stopped else text + self._stops.finish())

    def _check(self, text: str) -> str:
        if self._unchecked > 0:
            self._unchecked -= 1
            return text
        text, found = self._stops.push(text)
        self.stopped = found is not None
        return text

    def _show(self, text: str) -> TextDelta | None:
        self._shown += len(text)
        tokens = []
        while self._held and self._held[0][0] <= self._shown:
            tokens.append(self._held.popleft()[1])
        return TextDelta(self._index, text, tuple(tokens)) if text or tokens else None

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
