"""The outputs of a turn, while they are written."""

from __future__ import annotations

from collections.abc import Iterator

from galerne.agents.participant import Participant
from galerne.agents.threads import new_id, now
from galerne.agents.turn_events import EntryArguments, EntryEnd, EntryStart, EntryText, EntryThought, TurnEvent
from galerne.protocol.entries import AgentHandoffEntry, FunctionCallEntry, MessageOutputEntry, OutputEntry
from galerne.protocol.messages import Content, TextPart, ThinkingPart


class Outputs:
    """Entries in order; the last one may be open."""

    def __init__(self) -> None:
        self.entries: list[OutputEntry] = []
        self._by: Participant
        self._id: str  # of the next message
        self._message: MessageOutputEntry | None = None  # that is open
        self._thoughts: list[str] = []
        self._texts: list[str] = []
        self._call: FunctionCallEntry | None = None  # that is open
        self._arguments: list[str] = []

    def begin(self, by: Participant, id: str) -> None:
        """An answer begins: its first message has this id."""
        self._by, self._id = by, id

    def think(self, text: str) -> Iterator[TurnEvent]:
        """More reasoning, before the text of the message that is open or of a new one."""
        yield from self._speak()
        assert self._message is not None
        self._thoughts.append(text)
        yield EntryThought(len(self.entries), self._message, text)

    def say(self, text: str) -> Iterator[TurnEvent]:
        """More text: of the message that is open, or of a new one."""
        yield from self._speak()
        assert self._message is not None
        self._texts.append(text)
        yield EntryText(len(self.entries), self._message, text, part=1 if self._thoughts else 0)

    def call(self, id: str, name: str) -> Iterator[TurnEvent]:
        """A call begins."""
        yield from self.end(cut=False)
        self._call = FunctionCallEntry(
            id=new_id("fc"),
            created_at=now(),
            tool_call_id=id,
            name=name,
            arguments="",
            model=self._by.model,
            agent_id=self._by.agent_id,
        )
        yield EntryStart(len(self.entries), self._call)

    def argue(self, arguments: str) -> Iterator[TurnEvent]:
        """More arguments of the call that is open."""
        assert self._call is not None
        self._arguments.append(arguments)
        yield EntryArguments(len(self.entries), self._call, arguments)

    def pass_on(self, handoff: AgentHandoffEntry, *, done: bool) -> Iterator[TurnEvent]:
        """The conversation goes to another agent; not `done`: once the client says so."""
        yield EntryStart(len(self.entries), handoff)
        yield self._close(handoff.model_copy(update={"completed_at": now() if done else None}))

    def end(self, *, cut: bool) -> Iterator[TurnEvent]:
        """Nothing more comes of what is open."""
        completed = None if cut else now()
        if self._message is not None:
            content = _content("".join(self._thoughts), "".join(self._texts))
            message = self._message.model_copy(update={"content": content, "completed_at": completed})
            self._message, self._thoughts, self._texts = None, [], []
            yield self._close(message)
        if self._call is not None:
            arguments = "".join(self._arguments)
            call = self._call.model_copy(update={"arguments": arguments, "completed_at": completed})
            self._call, self._arguments = None, []
            yield self._close(call)

    def _speak(self) -> Iterator[TurnEvent]:
        """A message is open from now on."""
        if self._message is not None:
            return
        yield from self.end(cut=False)
        id, self._id = self._id, new_id("msg")
        self._message = MessageOutputEntry(
            id=id, created_at=now(), content="", model=self._by.model, agent_id=self._by.agent_id
        )
        yield EntryStart(len(self.entries), self._message)

    def _close(self, entry: OutputEntry) -> EntryEnd:
        self.entries.append(entry)
        return EntryEnd(len(self.entries) - 1, entry)


def _content(thoughts: str, text: str) -> Content:
    if not thoughts:
        return text
    return [ThinkingPart(type="thinking", thinking=[TextPart(text=thoughts)]), TextPart(text=text)]
