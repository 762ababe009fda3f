"""What a response's outputs grow by -> the events of their items; reasoning and message are two of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from galerne.agents.turn_events import EntryArguments, EntryEnd, EntryStart, EntryText, EntryThought
from galerne.flows.items import items_of, reasoning_id
from galerne.protocol.entries import FunctionCallEntry, MessageOutputEntry
from galerne.protocol.messages import text_of
from galerne.protocol.response_events import (
    ArgumentsDelta,
    ArgumentsDone,
    ItemChanged,
    OutputTextDelta,
    OutputTextDone,
    PartChanged,
    ReasoningTextDelta,
    ReasoningTextDone,
    ResponseEvent,
)
from galerne.protocol.response_items import (
    CallItem,
    Item,
    MessageItem,
    OutputItem,
    OutputText,
    ReasoningItem,
    ReasoningText,
)

Growth = EntryStart | EntryThought | EntryText | EntryArguments | EntryEnd


class ItemEvents:
    """The events of one stream's items, numbered on from `numbers`. One item is open at a time."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._index = -1  # of the item that is open, or was last
        self._open: OutputItem | None = None
        self._thoughts: list[str] = []

    def write(self, event: Growth) -> Iterator[ResponseEvent]:
        match event:
            case EntryThought():
                yield from self._think(event)
            case EntryText():
                yield from self._speak(event.entry)
                yield OutputTextDelta(**self._place(), delta=event.text)
            case EntryEnd(entry=MessageOutputEntry() as entry):
                yield from self._end_message(entry)
            case EntryStart(entry=FunctionCallEntry() as entry):
                call = CallItem(id=entry.id, call_id=entry.tool_call_id, name=entry.name, arguments="")
                yield self._begin(call.model_copy(update={"status": "in_progress"}))
            case EntryArguments() if event.arguments:
                yield ArgumentsDelta(**self._place(), delta=event.arguments)
            case EntryEnd(entry=FunctionCallEntry() as entry):
                yield ArgumentsDone(**self._place(), name=entry.name, arguments=entry.arguments)
                yield self._end(*items_of(entry))
            case EntryStart() | EntryArguments() | EntryEnd():
                pass

    def _think(self, event: EntryThought) -> Iterator[ResponseEvent]:
        if self._open is None:
            self._thoughts = []
            yield self._begin(ReasoningItem(id=reasoning_id(event.entry), status="in_progress"))
            yield self._part("response.content_part.added", ReasoningText(text=""))
        self._thoughts.append(event.text)
        yield ReasoningTextDelta(**self._place(), delta=event.text)

    def _speak(self, entry: MessageOutputEntry) -> Iterator[ResponseEvent]:
        """From now on a message is open; before it, the reasoning ends."""
        if isinstance(self._open, MessageItem):
            return
        if self._open is not None:
            thoughts = ReasoningText(text="".join(self._thoughts))
            yield ReasoningTextDone(**self._place(), text=thoughts.text)
            yield self._part("response.content_part.done", thoughts)
            yield self._end(ReasoningItem(id=reasoning_id(entry), content=[thoughts], status="completed"))
        yield self._begin(MessageItem(id=entry.id, role="assistant", content=[], status="in_progress"))
        yield self._part("response.content_part.added", OutputText(text=""))

    def _end_message(self, entry: MessageOutputEntry) -> Iterator[ResponseEvent]:
        yield from self._speak(entry)
        text = OutputText(text=text_of(entry.content))
        yield OutputTextDone(**self._place(), text=text.text)
        yield self._part("response.content_part.done", text)
        yield self._end(items_of(entry)[-1])

    def _begin(self, item: OutputItem) -> ResponseEvent:
        self._index, self._open = self._index + 1, item
        return self._changed("response.output_item.added", item)

    def _end(self, item: Item) -> ResponseEvent:
        self._open = None
        return self._changed("response.output_item.done", item)

    def _changed(self, type: Any, item: Item) -> ResponseEvent:
        return ItemChanged(type=type, sequence_number=next(self._numbers), output_index=self._index, item=item)

    def _part(self, type: Any, part: OutputText | ReasoningText) -> ResponseEvent:
        return PartChanged(type=type, **self._place(), part=part)

    def _place(self) -> dict[str, Any]:
        """Where it happens, and the next number."""
        assert self._open is not None
        return {"sequence_number": next(self._numbers), "item_id": self._open.id, "output_index": self._index}
