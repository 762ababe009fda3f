"""One branch of a chat, as a model is asked it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from galerne.assistant.attachments import KeptAttachment, question_text
from galerne.protocol.chats import ChatMessage
from galerne.protocol.messages import (
    AssistantMessage,
    FunctionCall,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)


def dialogue(system: str | None, line: Sequence[ChatMessage], attached: Mapping[str, KeptAttachment]) -> list[Message]:
    """What was said, after what the model is told. `attached` has every attachment of the line. Reasoning stays out."""
    told: list[Message] = [SystemMessage(content=system)] if system else []
    return told + [_message(each, attached) for each in line]


def attachment_ids(line: Sequence[ChatMessage]) -> list[str]:
    """Of all files that belong to these messages."""
    return list(dict.fromkeys(file.id for message in line for file in message.attachments))


def _message(message: ChatMessage, attached: Mapping[str, KeptAttachment]) -> Message:
    match message.role:
        case "user":
            return UserMessage(
                content=question_text(message.content, [attached[each.id] for each in message.attachments])
            )
        case "tool":
            return ToolMessage(content=message.content, tool_call_id=message.tool_call_id)
        case "assistant":
            calls = [
                ToolCall(
                    id=call.id or "null",
                    function=FunctionCall(name=call.function.name, arguments=call.function.arguments),
                )
                for call in message.tool_calls
            ]
            return AssistantMessage(content=message.content, tool_calls=calls or None)
