"""A conversation as chat templates expect it: plain values, text only, in the names that the field agreed on.

Source: https://huggingface.co/docs/transformers/chat_templating
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from galerne.errors import InvalidRequest, PromptTooLong, UnsupportedField
from galerne.protocol.messages import (
    AssistantMessage,
    Content,
    DeveloperMessage,
    ImagePart,
    Message,
    ThinkingPart,
    ToolCall,
    ToolMessage,
    UserMessage,
    text_of,
    thinking_of,
)

MAX_NESTING = 100
"""Lists and objects within each other, in what a template is told."""


def template_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages as templates know them. Raises `UnsupportedField`, `InvalidRequest`."""
    check_messages(messages)
    return [_template_message(message, f"messages[{index}]") for index, message in enumerate(messages)]


def check_messages(messages: Sequence[Message]) -> None:
    """Raises `InvalidRequest` for no message at all, or a `prefix` that is not the end of the conversation;
    `UnsupportedField` for a part that is not text."""
    if not messages:
        raise InvalidRequest("a conversation has at least one message.", where="messages")
    for index, message in enumerate(messages):
        if isinstance(message, AssistantMessage) and message.prefix and index < len(messages) - 1:
            raise InvalidRequest("only the last message can be a prefix.", where=f"messages[{index}].prefix")
        parts = message.content if isinstance(message.content, list) else []
        for number, part in enumerate(parts):
            if isinstance(part, ImagePart):
                where = f"messages[{index}].content[{number}]"
                raise UnsupportedField("this model reads text only, not images.", where=where)
            if isinstance(part, ThinkingPart) and isinstance(message, UserMessage | ToolMessage):
                where = f"messages[{index}].content[{number}]"
                raise InvalidRequest("only an assistant's message has reasoning.", where=where)


def check_tools(tools: Sequence[Mapping[str, Any]]) -> None:
    """Raises `InvalidRequest` for tools that a template could not write down."""
    for index, tool in enumerate(tools):
        _check_nesting(tool, f"tools[{index}]")


def _check_nesting(value: Any, where: str) -> None:
    level = [value]
    for _ in range(MAX_NESTING):
        level = [
            inner
            for part in level
            if isinstance(part, Mapping | list)
            for inner in (part.values() if isinstance(part, Mapping) else part)
        ]
        if not level:
            return
    raise InvalidRequest(f"is nested more than {MAX_NESTING} deep.", where=where)


def is_prefix(message: Message) -> bool:
    """Whether the answer goes on with this message's text."""
    return isinstance(message, AssistantMessage) and message.prefix


def _template_message(message: Message, where: str) -> dict[str, Any]:
    role = "system" if isinstance(message, DeveloperMessage) else message.role
    plain: dict[str, Any] = {"role": role, "content": text_of(message.content)}
    if role == "system" and thinking_of(message.content):
        plain["content"] = _in_words(message.content)
    if isinstance(message, AssistantMessage):
        if message.tool_calls:
            plain["tool_calls"] = [
                _tool_call(call, f"{where}.tool_calls[{index}]") for index, call in enumerate(message.tool_calls)
            ]
        if reasoning := message.reasoning:
            plain["reasoning_content"] = reasoning
    if isinstance(message, ToolMessage):
        plain |= {"tool_call_id": message.tool_call_id, "name": message.name}
    return {name: value for name, value in plain.items() if value is not None}


def _in_words(content: Content | None) -> str:
    """What a model is told of how to reason: the place for it is marked as Mistral's models mark theirs."""
    parts = content if isinstance(content, list) else []
    return "".join(
        f"[THINK]{thinking_of([part])}[/THINK]" if isinstance(part, ThinkingPart) else text_of([part]) for part in parts
    )


def _tool_call(call: ToolCall, where: str) -> dict[str, Any]:
    try:
        arguments = json.loads(call.function.arguments)
    except (ValueError, RecursionError):
        raise InvalidRequest("the arguments are not JSON.", where=f"{where}.function.arguments") from None
    _check_nesting(arguments, f"{where}.function.arguments")
    return {"id": call.id, "type": call.type, "function": {"name": call.function.name, "arguments": arguments}}


def check_length(value: Any, longest: int, context: int, where: str = "messages") -> None:
    """Raises `PromptTooLong` when the strings in `value` cannot fit, at `longest` bytes a token."""
    characters = _characters(value)
    if characters > longest * context:
        raise PromptTooLong(
            f"has {characters} characters, which the {context} tokens of the model's context cannot hold.",
            where=where,
            hint="Shorten it.",
        )


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return sum(map(_characters, items))
