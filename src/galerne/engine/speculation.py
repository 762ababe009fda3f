"""Guesses of the tokens that come next, to be checked by the model several at once (Leviathan et al.,
arXiv:2211.17192).

A guess is free to be wrong: the sampler accepts a guessed token only when it is the one that is chosen anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from galerne.engine.sequence import Sequence

Guess = tuple[int, ...]


class Proposer(Protocol):
    """Who guesses."""

    def propose(self, sequences: Iterable[Sequence], most: int) -> Mapping[Sequence, Guess]:
        """For those of the sequences for which it seems to pay, at most `most` tokens that may come next."""

    def release(self, sequence: Sequence) -> None:
        """The sequence has ended, or must wait again."""


class InTurn:
    """Asks one after the other: whom the first has no guess for, the next may have one."""

    def __init__(self, *proposers: Proposer) -> None:
        self._proposers = proposers

    def propose(self, sequences: Iterable[Sequence], most: int) -> Mapping[Sequence, Guess]:
        guesses: dict[Sequence, Guess] = {}
        left = list(sequences)
        for proposer in self._proposers:
            guesses.update(proposer.propose(left, most))
            left = [sequence for sequence in left if sequence not in guesses]
        return guesses

    def release(self, sequence: Sequence) -> None:
        for proposer in self._proposers:
            proposer.release(sequence)


LONGEST_GUESS = 16
LONGEST_PAUSE = 64


class Reach:
    """How far to guess, learnt from what came of the guesses so far of one text."""

    def __init__(self) -> None:
        self._length = 4
        self._guessed = 0  # tokens of the last guess,
        self._at = 0  # and the length of the text then
        self._misses = 0  # guesses in a row that were wrong from the start
        self._resume = 0  # length of the text at which to guess again

    def tokens(self, length: int) -> int:
        """How many to guess after a text of this length, which is the last one and what the model said since."""
        self._learn(length)
        return self._length if length >= self._resume else 0

    def guessed(self, length: int, tokens: int) -> None:
        """After a text of this length, so many were guessed."""
        self._at, self._guessed = length, tokens

    def _learn(self, length: int) -> None:
        """The model says one more token than were right."""
        right = length - self._at - 1
        if not self._guessed or right < 0:
            return
        if right:
            self._misses = 0
            self._length = min(2 * self._guessed, LONGEST_GUESS) if right >= self._guessed else right + 1
        else:
            self._misses += 1
            self._length = 2
            self._resume = length + min(2**self._misses, LONGEST_PAUSE) - 2
        self._guessed = 0
