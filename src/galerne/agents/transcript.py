"""A conversation's entries -> the messages that a model is asked with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from galerne.errors import InvalidRequest
from galerne.protocol.entries import (
    AgentHandoffEntry,
    Entry,
    FunctionCallEntry,
    FunctionResultEntry,
    MessageInputEntry,
    MessageOutputEntry,
)
from galerne.protocol.messages import (
    AssistantMessage,
    Content,
    DeveloperMessage,
    FunctionCall,
    Message,
    Part,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
)


def messages_of(entries: Sequence[Entry], instructions: str | None) -> list[Message]:
    """The messages, behind the instructions.

    What an assistant said in several entries is one message, its calls with it. Of a call that was cut off, and of
    hand-offs, a model is told nothing.
    """
    messages: list[Message] = [SystemMessage(content=instructions)] if instructions else []
    for message in _messages(entries):
        last = messages[-1] if messages else None
        if isinstance(message, AssistantMessage) and isinstance(last, AssistantMessage):
            messages[-1] = _joined(last, message)
        else:
            messages.append(message)
    # Only the end of a conversation can be the beginning of an answer: earlier on it was one that was never made.
    return [*map(_without_prefix, messages[:-1]), *messages[-1:]]


def check_results(entries: Sequence[Entry], where: str) -> None:
    """Raises `InvalidRequest` when a called function's result is missing, or nothing was called that a result names."""
    open_calls: set[str] = set()
    for entry in entries:
        match entry:
            case FunctionCallEntry() if entry.completed_at is not None:
                open_calls.add(entry.tool_call_id)
            case FunctionResultEntry() if entry.tool_call_id not in open_calls:
                raise InvalidRequest(f"no function call {entry.tool_call_id[:100]!r} waits for a result.", where=where)
            case FunctionResultEntry():
                open_calls.discard(entry.tool_call_id)
    if open_calls:
        hint = "Send a `function.result` for each, whatever it says."
        raise InvalidRequest(
            f"these calls have no result yet: {', '.join(sorted(open_calls))}.", where=where, hint=hint
        )


def _messages(entries: Sequence[Entry]) -> Iterator[Message]:
    names: dict[str, str] = {}  # of the functions called
    for entry in entries:
        match entry:
            case MessageInputEntry(role="assistant"):
                yield AssistantMessage(content=entry.content, prefix=entry.prefix)
            case MessageInputEntry(role="system"):
                yield SystemMessage(content=entry.content)
            case MessageInputEntry(role="developer"):
                yield DeveloperMessage(content=entry.content)
            case MessageInputEntry():
                yield UserMessage(content=entry.content)
            case MessageOutputEntry():
                yield AssistantMessage(content=entry.content)
            case FunctionCallEntry() if entry.completed_at is not None:
                names[entry.tool_call_id] = entry.name
                yield AssistantMessage(tool_calls=[_call(entry)])
            case FunctionResultEntry():
                name = names.get(entry.tool_call_id)
                yield ToolMessage(content=entry.result, tool_call_id=entry.tool_call_id, name=name)
            case FunctionCallEntry() | AgentHandoffEntry():
                pass


def _call(entry: FunctionCallEntry) -> ToolCall:
    return ToolCall(id=entry.tool_call_id, function=FunctionCall(name=entry.name, arguments=entry.arguments))


def _without_prefix(message: Message) -> Message:
    return message.model_copy(update={"prefix": False}) if isinstance(message, AssistantMessage) else message


def _joined(first: AssistantMessage, second: AssistantMessage) -> AssistantMessage:
    calls = [*(first.tool_calls or ()), *(second.tool_calls or ())]
    return AssistantMessage(
        content=_content(first.content, second.content, "" if first.prefix else "\n"),
        tool_calls=calls or None,
        prefix=second.prefix,
    )


def _content(first: Content | None, second: Content | None, between: str) -> Content | None:
    if not first or not second:
        return first or second
    if isinstance(first, str) and isinstance(second, str):
        return first + between + second
    return [*_parts(first), *_parts(second)]


def _parts(content: Content) -> list[Part]:
    return [TextPart(text=content)] if isinstance(content, str) else content
