"""The outputs of a turn, while they are written."""

from __future__ import annotations

from collections.abc import Iterator

from galerne.agents.threads import new_id, now
from galerne.agents.turn_events import EntryEnd, EntryStart, EntryText, TurnEvent
from galerne.protocol.entries import MessageOutputEntry, OutputEntry


class Outputs:
    """Entries in order; the last one may be open."""

    def __init__(self) -> None:
        self.entries: list[OutputEntry] = []
        self._open: MessageOutputEntry | None = None
        self._texts: list[str] = []

    @property
    def nothing(self) -> bool:
        """Whether there is no output at all."""
        return not self.entries and self._open is None

    def say(self, text: str, model: str, agent_id: str | None) -> Iterator[TurnEvent]:
        """More text: of the message that is open, or of a new one."""
        if self._open is None:
            self._open = MessageOutputEntry(
                id=new_id("msg"), created_at=now(), content="", model=model, agent_id=agent_id
            )
            yield EntryStart(len(self.entries), self._open)
        self._texts.append(text)
        yield EntryText(len(self.entries), self._open, text)

    def end(self, *, cut: bool) -> Iterator[TurnEvent]:
        """Nothing more comes of what is open."""
        if self._open is None:
            return
        completed = None if cut else now()
        entry = self._open.model_copy(update={"content": "".join(self._texts), "completed_at": completed})
        self._open, self._texts = None, []
        self.entries.append(entry)
        yield EntryEnd(len(self.entries) - 1, entry)
