"""A bill that remembers, and notices what cannot be."""

from __future__ import annotations

from galerne.engine.events import EndEvent


class Bills:
    """Fills the port `Bill`."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.ends: list[EndEvent] = []

    def begin(self, id: str) -> None:
        assert id not in self.open
        self.open.add(id)

    def settle(self, end: EndEvent) -> None:
        assert end.id in self.open
        self.open.discard(end.id)
        self.ends.append(end)

    def drop(self, id: str) -> None:
        self.open.discard(id)

    @property
    def ids(self) -> list[str]:
        """Of what was settled, in order."""
        return [end.id for end in self.ends]
