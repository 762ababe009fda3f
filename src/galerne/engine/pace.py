"""How many rows a step may have so that it takes no longer than it should, learnt from the steps so far."""

from __future__ import annotations

LEAST = 16
"""Rows that a step may always have, lest prompts stand still on a slow machine."""

FIRST_GUESS = 64


class Pace:
    """Scales the rows of a step by target / measured time.

    With a step of n rows taking a + b * n seconds this settles at the n that takes just the target, and follows when
    the machine gets busier or the contexts longer.
    """

    def __init__(self, target_seconds: float, most: int) -> None:
        self._target = target_seconds
        self._most = most
        self.rows = min(FIRST_GUESS, most)

    def observe(self, rows: int, seconds: float) -> None:
        """A step of so many rows took so long. A small and quick one says nothing about larger ones."""
        if rows < self.rows and seconds <= self._target:
            return
        scaled = int(rows * self._target / max(seconds, 1e-6))
        self.rows = min(max(scaled, LEAST), self._most)
