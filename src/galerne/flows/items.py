"""The items of responses <-> the entries of threads."""

from __future__ import annotations

from collections.abc import Sequence

from galerne.agents.inputs import stamped
from galerne.protocol.entries import (
    AgentHandoffEntry,
    Entry,
    FunctionCallEntry,
    FunctionResultEntry,
    MessageInputEntry,
    MessageOutputEntry,
)
from galerne.protocol.messages import Content, ImagePart, ImageUrl, Part, TextPart, ThinkingPart, text_of, thinking_of
from galerne.protocol.response_items import (
    CallItem,
    CallOutputItem,
    InputImage,
    InputText,
    Item,
    ItemPart,
    ItemStatus,
    MessageItem,
    OutputText,
    ReasoningItem,
    ReasoningText,
)


def entries_of_items(items: str | Sequence[Item]) -> list[Entry]:
    """Each with an id of its own, as of now."""
    said = [MessageItem(role="user", content=items)] if isinstance(items, str) else items
    return stamped([_entry(item) for item in said])


def items_of(entry: Entry) -> list[Item]:
    """An entry as clients of responses know it: reasoning is an item of its own, and a hand-off is none."""
    match entry:
        case MessageInputEntry():
            content: list[ItemPart] = [InputText(text=text_of(entry.content))]
            return [MessageItem(id=entry.id, role=entry.role, content=content, status=_status(entry))]
        case MessageOutputEntry():
            content = [OutputText(text=text_of(entry.content))]
            message = MessageItem(id=entry.id, role="assistant", content=content, status=_status(entry))
            return [*_reasoning(entry), message]
        case FunctionCallEntry():
            call = CallItem(id=entry.id, call_id=entry.tool_call_id, name=entry.name, arguments=entry.arguments)
            return [call.model_copy(update={"status": _status(entry)})]
        case FunctionResultEntry():
            output = CallOutputItem(id=entry.id, call_id=entry.tool_call_id, output=entry.result)
            return [output.model_copy(update={"status": _status(entry)})]
        case AgentHandoffEntry():
            return []


def reasoning_id(entry: Entry) -> str:
    """The id of the reasoning before a message."""
    return f"rs_{(entry.id or '').removeprefix('msg_')}"


def _reasoning(entry: MessageOutputEntry) -> list[ReasoningItem]:
    if not (thoughts := thinking_of(entry.content)):
        return []
    return [ReasoningItem(id=reasoning_id(entry), content=[ReasoningText(text=thoughts)], status="completed")]


def _entry(item: Item) -> Entry:
    match item:
        case MessageItem(role="assistant"):
            return MessageOutputEntry(content=_content(item.content))
        case MessageItem():
            return MessageInputEntry(role=item.role, content=_content(item.content))
        case ReasoningItem():
            thoughts = [TextPart(text=part.text) for part in item.content or ()]
            return MessageOutputEntry(content=[ThinkingPart(type="thinking", thinking=thoughts)])
        case CallItem():
            return FunctionCallEntry(tool_call_id=item.call_id, name=item.name, arguments=item.arguments)
        case CallOutputItem():
            output = item.output if isinstance(item.output, str) else "\n".join(part.text for part in item.output)
            return FunctionResultEntry(tool_call_id=item.call_id, result=output)


def _content(content: str | Sequence[ItemPart]) -> Content:
    return content if isinstance(content, str) else [_part(part) for part in content]


def _part(part: ItemPart) -> Part:
    if isinstance(part, InputImage):
        return ImagePart(type="image_url", image_url=ImageUrl(url=part.image_url, detail=part.detail))
    return TextPart(text=part.text)


def _status(entry: Entry) -> ItemStatus:
    return "incomplete" if entry.completed_at is None else "completed"
