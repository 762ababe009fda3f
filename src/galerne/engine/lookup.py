"""Guesses by looking up what followed the same words before: costs no model, and pays where answers quote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from galerne.engine.sequence import Sequence
from galerne.engine.speculation import Guess, Reach

GRAM = 2
"""Tokens that must have stood before in the same order."""

PLACES = 8
"""Latest places of such tokens that are looked at."""

LONGEST_MATCH = 16


class PromptLookup:
    """Guesses that an answer goes on as the text did where its last tokens stood before: in the prompt, or in the
    answer itself (Saxena, prompt-lookup-decoding, 2023); or as the request expects it to."""

    def __init__(self) -> None:
        self._texts: dict[Sequence, _Text] = {}

    def propose(self, sequences: Iterable[Sequence], most: int) -> Mapping[Sequence, Guess]:
        guesses = {}
        for sequence in sequences:
            text = self._texts.get(sequence)
            if text is None:
                text = self._texts[sequence] = _Text(sequence)
            if guess := text.guess(most):
                guesses[sequence] = guess
        return guesses

    def release(self, sequence: Sequence) -> None:
        self._texts.pop(sequence, None)


class _Text:
    """Where each pair of tokens stood. What a request expects is text before its prompt, as if the end of the prompt
    had stood before it once already."""

    def __init__(self, sequence: Sequence) -> None:
        prompt, expected = sequence.request.prompt, sequence.request.expected
        self._sequence = sequence
        self._tokens = [*prompt[-GRAM:], *expected] if expected else []
        self._before = len(self._tokens)
        self._places: dict[Guess, list[int]] = {}  # the position after each gram
        self._indexed = GRAM  # grams that end before this position are in there
        self._reach = Reach()

    def guess(self, most: int) -> Guess:
        self._index()
        end = len(self._tokens)
        reach = min(most, self._reach.tokens(end))
        place, match = self._longest_match() if reach else (end, 0)
        period = end - place  # a guess that reaches the end of the text goes on with its own beginning
        guess = tuple(self._tokens[place + index % period] for index in range(min(reach, match)))
        self._reach.guessed(end, len(guess))
        return guess

    def _index(self) -> None:
        tokens = self._tokens
        tokens += self._sequence.tokens[len(tokens) - self._before :]
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
