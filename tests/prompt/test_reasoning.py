"""How much a model shall reason, as templates are told it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.flows.fakes import ByteTokenizer

from galerne.errors import UnsupportedField
from galerne.prompt.instructions import REASONING, told_to_reason
from galerne.prompt.template import JinjaTemplate
from galerne.protocol.messages import SystemMessage, TextPart, ThinkingPart, UserMessage
from galerne.settings import Settings

QUESTION = [UserMessage(content="?")]
SWITCHED = "{% if enable_thinking is defined and not enable_thinking %}off{% else %}on{% endif %}</think>"
GRADED = "{{ reasoning_effort | default('unset') }}</think>"


@contextmanager
def opened(text: str) -> Iterator[JinjaTemplate]:
    template = JinjaTemplate(text, ByteTokenizer(), Settings())
    yield template
    template.close()


@pytest.mark.parametrize(
    ("text", "effort", "said"),
    [
        (SWITCHED, None, "on"),
        (SWITCHED, "none", "off"),
        (SWITCHED, "high", "on"),
        (GRADED, None, "unset"),
        (GRADED, "low", "low"),
        ("plain", None, "plain"),
        ("plain", "none", "plain"),
    ],
)
def test_templates_with_a_setting(text: str, effort: str | None, said: str) -> None:
    with opened(text) as template:
        assert bytes(template.render(QUESTION, effort=effort)).decode().removesuffix("</think>") == said


@pytest.mark.parametrize(
    ("text", "effort"), [("plain", "high"), ("always </think>", "high"), ("always </think>", "none")]
)
def test_what_cannot_be_told_is_refused(text: str, effort: str) -> None:
    with opened(text) as template, pytest.raises(UnsupportedField) as caught:
        template.render(QUESTION, effort=effort)
    assert caught.value.where == "reasoning_effort"


def test_mistrals_words_come_before_the_conversation() -> None:
    told = told_to_reason(QUESTION)
    assert told == [SystemMessage(content=[*REASONING]), *QUESTION]
    system = SystemMessage(content="Be brief.")
    assert told_to_reason([system, *QUESTION])[0].content == [TextPart(text="Be brief.\n\n"), *REASONING]


def test_a_system_message_may_show_how_to_reason() -> None:
    parts = [TextPart(text="a"), ThinkingPart(type="thinking", thinking=[TextPart(text="b")]), TextPart(text="c")]
    with opened("{{ messages[0].content }}") as template:
        assert bytes(template.render([SystemMessage(content=parts), *QUESTION])).decode() == "a[THINK]b[/THINK]c"
