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
        """The sequence has ended."""


class PromptLookup:
    """Guesses that an answer goes on as the text did where its last tokens stood before: in the prompt, or in the
    answer itself (Saxena, prompt-lookup-decoding, 2023). Costs no model, and pays where answers quote."""

    def __init__(self) -> None:
        self._texts: dict[Sequence, _Text] = {}

    def propose(self, sequences: Iterable[Sequence], most: int) -> Mapping[Sequence, Guess]:
        guesses = {}
        for sequence in sequences:
            text = self._texts.get(sequence)
            if text is None:
                text = self._texts[sequence] = _Text(sequence.tokens)
            if guess := text.guess(most):
                guesses[sequence] = guess
        return guesses

    def release(self, sequence: Sequence) -> None:
        self._texts.pop(sequence, None)


GRAM = 2
"""Tokens that must have stood before in the same order."""

PLACES = 8
"""Latest places of such tokens that are looked at."""

LONGEST_MATCH = 16
LONGEST_GUESS = 16
LONGEST_PAUSE = 64


class _Text:
    """Where each pair of tokens stood, and how guessing has gone so far."""

    def __init__(self, tokens: list[int]) -> None:
        self._tokens = tokens  # the sequence's own list, which grows
        self._places: dict[Guess, list[int]] = {}  # the position after each gram
        self._indexed = GRAM  # grams that end before this position are in there
        self._length = 4  # how far to guess
        self._guessed = 0  # tokens of the last guess,
        self._at = 0  # and the length of the text then
        self._misses = 0  # guesses in a row that were wrong from the start
        self._resume = 0  # length of the text at which to guess again

    def guess(self, most: int) -> Guess:
        self._learn()
        self._index()
        self._guessed, self._at = 0, len(self._tokens)
        if self._at < self._resume:
            return ()
        place, match = self._longest_match()
        length = min(most, self._length, match)
        period = self._at - place  # a guess that reaches the end of the text goes on with its own beginning
        guess = tuple(self._tokens[place + index % period] for index in range(length))
        self._guessed = len(guess)
        return guess

    def _learn(self) -> None:
        """From what came of the last guess: one more token than were right."""
        right = len(self._tokens) - self._at - 1
        if not self._guessed or right < 0:
            return
        if right:
            self._misses = 0
            self._length = min(2 * self._guessed, LONGEST_GUESS) if right == self._guessed else right + 1
        else:
            self._misses += 1
            self._length = 2
            self._resume = len(self._tokens) + min(2**self._misses, LONGEST_PAUSE) - 2

    def _index(self) -> None:
        tokens = self._tokens
        for end in range(self._indexed, len(tokens)):
            places = self._places.setdefault(tuple(tokens[end - GRAM : end]), [])
            places.append(end)
            del places[:-PLACES]
        self._indexed = max(len(tokens), GRAM)

    def _longest_match(self) -> tuple[int, int]:
        """The latest place with the most tokens before it equal to the last ones of the text, and how many."""
        tokens = self._tokens
        longest = place = 0
        for end in reversed(self._places.get(tuple(tokens[-GRAM:]), ())):
            match = GRAM
            while match < min(end, LONGEST_MATCH) and tokens[end - match - 1] == tokens[-match - 1]:
                match += 1
            if match > longest:
                longest, place = match, end
        return place, longest
