"""Guesses of a draft model: a small one with the same vocabulary (Leviathan et al., arXiv:2211.17192)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from galerne.engine.batches import BatchBuilder, Share
from galerne.engine.cache import Cache
from galerne.engine.distribution import draw
from galerne.engine.model import Model
from galerne.engine.sequence import Sequence
from galerne.engine.speculation import Guess, Reach

logger = logging.getLogger(__name__)

CATCH_UP = 128
"""Rows that the draft model computes at once: while it reads a long prompt, answers wait for it."""

PATIENCE = 3
"""Times in a row that it may fail before it is not asked again."""


class DraftModel:
    """Fills `Proposer`. The draft model chooses as the sampler will, with the same settings and random numbers, so that
    a good guess is a right one at any temperature. It has a cache of its own, and may fail: nothing depends on it."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._cache = Cache(model.blocks, model.copy_block, answers_apart=model.answers_apart)
        self._max_rows = min(CATCH_UP, model.max_rows)
        self._batches = BatchBuilder(self._max_rows, self._max_rows, model.context_length)
        self._copies: dict[Sequence, _Copy] = {}
        self._failures = 0

    @property
    def blocks_held(self) -> int:
        """Blocks of the draft model's cache that texts under way hold."""
        return self._cache.pool.size - self._cache.pool.available

    def propose(self, sequences: Iterable[Sequence], most: int) -> Mapping[Sequence, Guess]:
        if self._failures >= PATIENCE:
            return {}
        try:
            copies = [copy for sequence in sequences if (copy := self._follow(sequence, most)) is not None]
            self._guess(copies)
        except Exception as error:  # whatever it was, the answers do not suffer from it
            self._failures += 1
            logger.warning("the draft model failed: %s", error)
            return {}
        self._failures = 0
        return {copy.original: guess for copy in copies if (guess := copy.guess)}

    def release(self, sequence: Sequence) -> None:
        copy = self._copies.pop(sequence, None)
        if copy is not None:
            self._cache.release(copy.text)

    def _follow(self, sequence: Sequence, most: int) -> _Copy | None:
        """The copy of a text as it is now; None where nothing can be guessed, or should be."""
        length = len(sequence.tokens)
        left = min(sequence.request.max_tokens - sequence.generated - 1, self._model.context_length - length)
        copy = self._copies.get(sequence) or _Copy(sequence)
        if left < 1 or max(sequence.tokens[copy.known :]) >= self._model.vocabulary:
            return None
        copy.follow()
        if sequence not in self._copies:
            self._copies[sequence] = copy
            self._cache.adopt(copy.text)
            self._cache.adopt_part(copy.text)
        self._cache.share(copy.text)
        copy.wanted = min(most, left, copy.reach.tokens(length))
        return copy if copy.wanted else None

    def _guess(self, copies: list[_Copy]) -> None:
        shares = self._first_shares(copies)
        going = {copy.text: copy for copy in copies}
        while shares:
            step = self._batches.build(sorted(shares, key=lambda share: share.sequence.in_prompt))
            logits = iter(self._model.forward(step.batch))
            shares = []
            for share in step.shares:
                text = share.sequence
                text.advance(share.rows)
                if share.complete and going[text].go_on(next(logits)) and self._has_room(text):
                    shares.append(Share(text, 1, complete=True))
        for copy in copies:
            copy.reach.guessed(len(copy.original.tokens), len(copy.guess))

    def _first_shares(self, copies: list[_Copy]) -> list[Share]:
        """What each text lacks. Where that is too much for one step, it goes on in the next one, before any guess."""
        shares, room = [], self._max_rows
        for copy in copies:
            rows = min(copy.text.pending, room)
            if rows and self._has_room(copy.text):
                shares.append(Share(copy.text, rows, complete=rows == copy.text.pending))
                room -= rows
        return shares

    def _has_room(self, text: Sequence) -> bool:
        return self._cache.reserve(text, len(text.tokens))


@dataclass(slots=True, eq=False)
class _Copy:
    """The draft model's copy of a text, with the last guess behind it.

    original   t t t t t t t t t        what the large model said since the guess, too
    text       t t t t t t g g g        what was right of the guess, and its keys and values, stays
    """

    original: Sequence
    text: Sequence = field(init=False)
    known: int = 0  # tokens of the text that are the original's, the others are guessed
    reach: Reach = field(init=False, default_factory=Reach)
    rng: np.random.Generator = field(init=False)  # the original's, so far
    wanted: int = 0  # tokens to guess

    def __post_init__(self) -> None:
        original = self.original
        self.text = Sequence(original.request, original.arrival, original.submitted, original.rng)
        self.text.tokens = []

    @property
    def guess(self) -> Guess:
        return tuple(self.text.tokens[self.known :])

    def follow(self) -> None:
        """Become the original as it is now."""
        original, tokens = self.original.tokens, self.text.tokens
        right = self.known
        while right < min(len(original), len(tokens)) and tokens[right] == original[right]:
            right += 1
        del tokens[right:]
        tokens += original[right:]
        self.text.computed = min(self.text.computed, right)
        self.known = len(original)
        self.rng = deepcopy(self.original.rng)

    def go_on(self, logits: NDArray[np.float32]) -> bool:
        """Guess a token; False where this was the last one."""
        sampling = self.original.request.sampling
        winner = int(logits.argmax())
        if not np.isfinite(logits[winner]):
            return False
        greedy = sampling.temperature == 0
        self.text.tokens.append(winner if greedy else draw(logits, sampling, self.rng.random()))
        return len(self.text.tokens) - self.known < self.wanted
