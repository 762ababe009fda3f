"""How many prompt rows a step may have so that it takes no longer than it should, learnt from the steps so far."""

from __future__ import annotations

LEAST = 16
"""Prompt rows that a step may always have, lest prompts stand still on a slow or crowded machine."""

FIRST_GUESS = 64

ALONE = 4
"""How much longer a step may take when nobody waits for the next token of an answer, only newcomers and whoever wants
to cancel: longer steps read the weights less often."""


class Pace:
    """Scales the rows of a step by target / measured time.

    With a step of n rows taking a + b * n seconds this settles at the n that takes just the target, and follows when
    the machine gets busier or the contexts longer.
    """

    def __init__(self, target_seconds: float, most: int) -> None:
        self._target = target_seconds
        self._most = most
        self._rows = min(FIRST_GUESS, most)  # that take just as long as they should

    def room(self, beside: int) -> int:
        """Prompt rows of a step that has so many rows of answers."""
        return max(self._rows - beside, LEAST) if beside else ALONE * self._rows

    def observe(self, rows: int, seconds: float) -> None:
        """A step of so many rows took so long. A small and quick one says nothing about larger ones."""
        if rows < self._rows and seconds <= self._target:
            return
        scaled = int(rows * self._target / max(seconds, 1e-6))
        self._rows = min(max(scaled, LEAST), self._most)
