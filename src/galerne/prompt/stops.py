"""Stop strings in a stream of text: found wherever the pieces break, and never shown, not even in part."""

from __future__ import annotations

from collections.abc import Iterable


class StopStrings:
    """Holds back the longest end of the text that a stop string may begin with.

    The stop string that ends first counts; of those that end at one place, the longest.
    """

    def __init__(self, stops: Iterable[str]) -> None:
        longest_first = sorted({stop for stop in stops if stop}, key=len, reverse=True)
        self._matches = [_Match(stop) for stop in longest_first]
        self._held = ""
        self.rest = ""  # what came behind the stop string

    def push(self, text: str) -> tuple[str, str | None]:
        """(what may be shown, the stop string that is complete now). After one is found, push nothing more."""
        text = self._held + text
        for place in range(len(self._held), len(text)):
            for match in self._matches:
                if match.advance(text[place]):
                    self._held, self.rest = "", text[place + 1 :]
                    return text[: place + 1 - len(match.stop)], match.stop
        shown = len(text) - max((match.length for match in self._matches), default=0)
        self._held = text[shown:]
        return text[:shown], None

    def finish(self) -> str:
        """What was held back, when the answer ends without a stop string."""
        text, self._held = self._held, ""
        return text


class _Match:
    """How much of one stop string the text ends with (Knuth, Morris and Pratt 1977)."""

    def __init__(self, stop: str) -> None:
        self.stop = stop
        self.length = 0
        # [i]: the longest proper end of stop[:i] that the stop string begins with. It grows as the text matches more,
        # so that a stop string of megabytes costs nothing.
        self._shorter = [0, 0]

    def advance(self, character: str) -> bool:
        """Whether the stop string is complete with this character."""
        self.length = self._longer(self.length, character)
        if self.length == len(self._shorter):
            self._shorter.append(self._longer(self._shorter[-1], self.stop[self.length - 1]))
        return self.length == len(self.stop)

    def _longer(self, length: int, character: str) -> int:
        """What a match of this length becomes with one more character."""
        while length and self.stop[length] != character:
            length = self._shorter[length]
        return length + (self.stop[length] == character)
