"""Tools, told in words to a model whose template knows none: in the form of Hermes, which many models have seen.

Source: https://github.com/NousResearch/Hermes-Function-Calling
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from galerne.prompt.instructions import instructed
from galerne.protocol.messages import AssistantMessage, Message, ToolCall, ToolMessage, UserMessage, text_of


def told_in_words(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> list[Message]:
    """The messages without calls and results, which stand in their texts, and with the tools in the system message."""
    told: list[Message] = []
    for message in messages:
        if isinstance(message, AssistantMessage) and message.tool_calls:
            told.append(_in_words(message, message.tool_calls))
        elif isinstance(message, ToolMessage):
            result = f"<tool_response>\n{text_of(message.content)}\n</tool_response>"
            if told and _is_result(told[-1]):  # several results are one turn
                result = f"{text_of(told.pop().content)}\n{result}"
            told.append(UserMessage(content=result))
        else:
            told.append(message)
    return instructed(told, tools_instruction(tools)) if tools else told


def tools_instruction(tools: Sequence[Mapping[str, Any]]) -> str:
    signatures = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    return (
        "You can call functions to help with the user's request. Their signatures are within <tools></tools>:\n"
        f"<tools>\n{signatures}\n</tools>\n"
        "To call one, return a JSON object with its name and its arguments within <tool_call></tool_call>:\n"
        '<tool_call>\n{"name": <function name>, "arguments": <arguments as a JSON object>}\n</tool_call>'
    )


def _in_words(message: AssistantMessage, calls: Sequence[ToolCall]) -> AssistantMessage:
    spelled = [
        f'<tool_call>\n{{"name": "{call.function.name}", "arguments": {call.function.arguments}}}\n</tool_call>'
        for call in calls
    ]
    text = text_of(message.content)
    return AssistantMessage(content="\n".join([text, *spelled] if text else spelled))


def _is_result(message: Message) -> bool:
    return isinstance(message, UserMessage) and text_of(message.content).startswith("<tool_response>\n")
