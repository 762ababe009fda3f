"""Stop strings in a stream of text: found wherever the pieces break, and never shown, not even in part."""

from __future__ import annotations

from collections.abc import Iterable


class StopStrings:
    """Holds back the longest end of the text that a stop string may begin with."""

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(dict.fromkeys(stop for stop in stops if stop))
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""

    def push(self, text: str) -> tuple[str, str | None]:
        """(what may be shown, the stop string that is complete now). After one is found, nothing more comes.

        The stop string that ends first counts; of those that end at one place, the longest.
        """
        text, self._held = self._held + text, ""
        found = self._earliest(text)
        if found is not None:
            return text[: found[0]], found[1]
        for start in range(max(0, len(text) - self._longest + 1), len(text)):
            if any(stop.startswith(text[start:]) for stop in self._stops):
                self._held = text[start:]
                return text[:start], None
        return text, None

    def finish(self) -> str:
        """What was held back, when the answer ends without a stop string."""
        text, self._held = self._held, ""
        return text

    def _earliest(self, text: str) -> tuple[int, str] | None:
        places = [(text.find(stop), stop) for stop in self._stops]
        ends = [(start + len(stop), start, stop) for start, stop in places if start >= 0]
        return min(ends)[1:] if ends else None
