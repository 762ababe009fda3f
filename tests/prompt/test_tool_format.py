"""Which form of calls a template shows."""

from __future__ import annotations

import pytest

from galerne.prompt.tool_format import (
    HERMES,
    LLAMA,
    MISTRAL_LIST,
    MISTRAL_NAMED,
    MISTRAL_THINKING,
    TAGGED_THINKING,
    Thinking,
    ToolFormat,
    thinking_of,
    tool_format_of,
)

TEMPLATES: list[tuple[str, ToolFormat | None]] = [
    ("{{ messages[0].content }}", None),
    ("{% if tools %}<tools>{% endif %}<tool_call>\n{...}</tool_call>", HERMES),
    ("{% if tools %}<tool_call><function=x></function></tool_call>{% endif %}", None),
    ("<tool_call>", None),
    ("{% if tools %}[AVAILABLE_TOOLS]{% endif %}[TOOL_CALLS] [", MISTRAL_LIST),
    ("{% if tools %}[AVAILABLE_TOOLS]{% endif %}[TOOL_CALLS]{{ name }}[ARGS]", MISTRAL_NAMED),
    ('{% if tools %}{...}{% endif %}{"name": "", "parameters": }<|eot_id|>', LLAMA),
    ("{% if tools %}<|tool_call|>{% endif %}", None),
]


@pytest.mark.parametrize(("template", "format"), TEMPLATES)
def test_the_form_of_calls(template: str, format: ToolFormat | None) -> None:
    assert tool_format_of(template) == format


@pytest.mark.parametrize(
    ("template", "thinking"),
    [
        ("{{ x.split('</think>') }}", TAGGED_THINKING),
        ("[THINK]{{ x }}[/THINK]", MISTRAL_THINKING),
        ("{{ messages }}", None),
    ],
)
def test_the_form_of_reasoning(template: str, thinking: Thinking | None) -> None:
    assert thinking_of(template) == thinking
