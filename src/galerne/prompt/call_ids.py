"""Calls of tools and their results find each other by ids, in the form that Mistral's models know."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from galerne.protocol.messages import AssistantMessage, Message, ToolMessage

NO_ID = "null"
"""What `mistralai` says for none."""

_SHORT = re.compile(r"[a-zA-Z0-9]{9}")


def short_id(name: str) -> str:
    """Nine letters and digits, the same ones for the same name; a name of this form stays."""
    return name if _SHORT.fullmatch(name) else hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:9]


def paired(messages: Sequence[Message]) -> list[Message]:
    """The messages with short ids in all calls and results, and the tool's name in each result.

    A result without an id is that of the first call which has none yet."""
    told: list[Message] = []
    waiting: dict[str, str] = {}  # the tools of the last calls, by id
    for message in messages:
        if isinstance(message, AssistantMessage) and message.tool_calls:
            calls = [
                call.model_copy(update={"id": short_id(f"call {number}" if call.id == NO_ID else call.id)})
                for number, call in enumerate(message.tool_calls)
            ]
            waiting = {call.id: call.function.name for call in calls}
            message = message.model_copy(update={"tool_calls": calls})
        elif isinstance(message, ToolMessage):
            given = message.tool_call_id
            id = next(iter(waiting), "") if given is None or given == NO_ID else short_id(given)
            expected = waiting.pop(id, None)
            message = message.model_copy(update={"tool_call_id": id or None, "name": message.name or expected})
        told.append(message)
    return told
