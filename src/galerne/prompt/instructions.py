"""What Galerne itself tells a model, beside what people wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from galerne.protocol.messages import DeveloperMessage, Message, SystemMessage, TextPart


def instructed(messages: Sequence[Message], instructions: Sequence[str]) -> list[Message]:
    """The messages, with instructions at the end of the first system message; where there is none, in one of their
    own."""
    if not instructions:
        return list(messages)
    text = "\n\n".join(instructions)
    for index, message in enumerate(messages):
        if isinstance(message, SystemMessage | DeveloperMessage):
            content = message.content
            more = f"{content}\n\n{text}" if isinstance(content, str) else [*content, TextPart(text=f"\n{text}")]
            return [*messages[:index], message.model_copy(update={"content": more}), *messages[index + 1 :]]
    return [SystemMessage(content=text), *messages]


def schema_instruction(schema: Mapping[str, Any], description: str | None) -> str:
    """As Mistral's hosted models are told a schema.

    Source: https://docs.mistral.ai/capabilities/structured-output/custom_structured_output/
    """
    purpose = f"{description}\n" if description else ""
    spelled = json.dumps(schema, ensure_ascii=False)
    return f"{purpose}Your output should be an instance of a JSON object following this schema: {spelled}"
