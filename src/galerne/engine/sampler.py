"""From logits to tokens: each sequence goes on by a token, or ends."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from galerne.engine.batches import Share, Step
from galerne.engine.distribution import draw
from galerne.engine.events import EndReason, TokenEvent
from galerne.engine.logprobs import logprobs
from galerne.engine.mask import forbid
from galerne.engine.sequence import Sequence

Logits = NDArray[np.float32]
T = TypeVar("T")


class Sampler:
    """Chooses tokens. A row's choice depends on its sequence alone: its logits, its settings, its random numbers.

    Speculation is verified here: a guessed token is accepted when it is the one that is chosen anyway. So the answer is
    distributed exactly as without guessing, and is even the same one for the same seed.
    """

    def __init__(self) -> None:
        self.guessed = 0
        self.accepted = 0

    def advance(self, step: Step, logits: Logits) -> list[TokenEvent]:
        """Append the chosen tokens to the step's sequences, mark those that end. `logits` is [outputs, vocabulary]."""
        events: list[TokenEvent] = []
        winners = logits.argmax(axis=1).tolist()
        first = 0
        for share in step.shares:
            if not share.sequence.request.embeds:
                self._advance(share, first, logits, winners, events)
            first += share.outputs
        return events

    def _advance(self, share: Share, first: int, logits: Logits, winners: list[int], events: list[TokenEvent]) -> None:
        """Its outputs are rows of `logits` from the `first` on."""
        sequence = share.sequence
        sequence.advance(share.rows)
        self.guessed += len(share.proposal)
        if not share.complete:
            return
        for row, guess in enumerate((*share.proposal, None), first):
            token = self._choose(sequence, logits, row, winners[row])
            if token is None:
                return
            self._append(sequence, token, logits, row, events)
            if sequence.end is not None or token != guess:
                return
            self.accepted += 1
            sequence.advance(1)  # the guess was right, so its keys and values are too

    def _choose(self, sequence: Sequence, logits: Logits, row: int, winner: int) -> int | None:
        """The next token; None when there can be none, and the sequence has ended. `winner` has the row's largest
        logit."""
        if not isfinite(logits.item(row, winner)):  # a NaN counts as the largest
            sequence.fail("The model computed something that is not a number. Its weights may be damaged.")
            return None
        greedy = sequence.request.sampling.temperature == 0
        if greedy and sequence.only_masked and (sequence.mask is None or _permits(sequence, winner)):
            return winner
        return self._weigh(sequence, logits[row], winner)

    @np.errstate(over="ignore", invalid="ignore")
    def _weigh(self, sequence: Sequence, logits: Logits, winner: int) -> int | None:
        """The same where the row's logits must be changed, or drawn from."""
        sampling = sequence.request.sampling
        if not sequence.untouched:
            allowed = _allowed(sequence)
            if sequence.end is not None:
                return None
            logits = logits.copy()
            self._adjust(sequence, logits, allowed)
            winner = int(logits.argmax())
            if not isfinite(logits.item(winner)):
                end = sequence.fail if sequence.mask is None else sequence.refuse
                end("No token may come next: the stop tokens, the grammar and the biases forbid all of them.")
                return None
        if sampling.temperature == 0:
            return winner
        return draw(logits, sampling, sequence.rng.random())

    def _adjust(self, sequence: Sequence, logits: Logits, allowed: NDArray[np.int32] | None) -> None:
        """Apply penalties, biases and what is forbidden, in place."""
        request = sequence.request
        if sequence.penalties is not None:
            sequence.penalties.apply(logits)
        for token, bias in request.sampling.bias:
            logits[token] += bias
        if allowed is not None:
            forbid(logits, allowed)
        if sequence.generated < request.min_tokens:
            stops = list(request.stop_tokens)
            before = logits[stops]
            logits[stops] = -np.inf
            if allowed is not None and not np.isfinite(logits.max()):
                logits[stops] = before  # the grammar is complete

    def _append(self, sequence: Sequence, token: int, logits: Logits, row: int, events: list[TokenEvent]) -> None:
        request = sequence.request
        sequence.tokens.append(token)
        if sequence.penalties is not None:
            sequence.penalties.count(token)
        mask = sequence.mask
        if mask is not None:
            _asked(sequence, lambda: mask.advance(token))
            if sequence.end is not None:
                return
        if token in request.stop_tokens:
            sequence.end = EndReason.STOP
            return
        if request.sampling.logprobs is None:
            events.append(TokenEvent(request.id, token))
        else:
            events.append(TokenEvent(request.id, token, *logprobs(logits[row], token, request.sampling.logprobs)))
        if sequence.generated == request.max_tokens:
            sequence.end = EndReason.LENGTH


def _permits(sequence: Sequence, token: int) -> bool:
    """Whether its grammar is known to allow this token."""
    mask = sequence.mask
    return mask is not None and bool(_asked(sequence, lambda: mask.permits(token)))


def _allowed(sequence: Sequence) -> NDArray[np.int32] | None:
    """What its grammar allows next, if it has one. When that cannot be said, the sequence has ended."""
    return None if sequence.mask is None else _asked(sequence, sequence.mask.allowed)


def _asked(sequence: Sequence, ask: Callable[[], T]) -> T | None:
    """What its grammar says. That is foreign code: its fault is its request's alone, which then has ended."""
    try:
        return ask()
    except Exception as error:
        sequence.refuse(f"The grammar cannot be followed: {error}")
        return None
