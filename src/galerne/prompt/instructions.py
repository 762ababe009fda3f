"""What Galerne itself tells a model, beside what people wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from galerne.protocol.messages import DeveloperMessage, Message, SystemMessage, TextPart, ThinkingPart

SAFETY = (
    "Always assist with care, respect, and truth. Respond with utmost utility yet securely. Avoid harmful, unethical, "
    "prejudiced, or negative content. Ensure replies promote fairness and positivity."
)
"""What `safe_prompt` puts first. Source: https://docs.mistral.ai/capabilities/guardrailing/"""

REASONING = (
    TextPart(
        text="First draft your thinking process (inner monologue) until you arrive at a response. Format your response "
        "using Markdown, and use LaTeX for any mathematical equations. Write both your thoughts and the response in "
        "the same language as the input.\n\nYour thinking process must follow the template below:"
    ),
    ThinkingPart(
        type="thinking",
        thinking=[
            TextPart(
                text="Your thoughts or/and draft, like working through an exercise on scratch paper. Be as casual and "
                "as long as you want until you are confident to generate the response to the user."
            )
        ],
    ),
    TextPart(text="Here, provide a self-contained response."),
)
"""What Mistral's models that reason are told. Source: https://docs.mistral.ai/capabilities/reasoning/native/"""


def instructed(messages: Sequence[Message], *instructions: str) -> list[Message]:
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


def made_safe(messages: Sequence[Message]) -> list[Message]:
    """The messages, with `SAFETY` before everything else."""
    first, *others = messages
    if not isinstance(first, SystemMessage | DeveloperMessage):
        return [SystemMessage(content=SAFETY), *messages]
    content = first.content
    more = f"{SAFETY}\n\n{content}" if isinstance(content, str) else [TextPart(text=f"{SAFETY}\n"), *content]
    return [first.model_copy(update={"content": more}), *others]


def told_to_reason(messages: Sequence[Message]) -> list[Message]:
    """The messages, with `REASONING` before them, or at the end of the system message that they begin with."""
    first, *others = messages
    if not isinstance(first, SystemMessage | DeveloperMessage):
        return [SystemMessage(content=[*REASONING]), *messages]
    before = [TextPart(text=f"{first.content}\n\n")] if isinstance(first.content, str) else first.content
    return [first.model_copy(update={"content": [*before, *REASONING]}), *others]


def schema_instruction(schema: Mapping[str, Any], description: str | None) -> str:
    """As Mistral's hosted models are told a schema.

    Source: https://docs.mistral.ai/capabilities/structured-output/custom_structured_output/
    """
    purpose = f"{description}\n" if description else ""
    spelled = json.dumps(schema, ensure_ascii=False)
    return f"{purpose}Your output should be an instance of a JSON object following this schema: {spelled}"
