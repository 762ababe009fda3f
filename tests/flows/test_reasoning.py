"""Reasoning, safety and predictions: what a request says of them, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.flows.fakes import PlainTemplate
from tests.flows.test_chat import House, request, text

from galerne.errors import PromptTooLong, UnsupportedField
from galerne.flows.answer_events import ThinkingDelta
from galerne.flows.answer_forms import told_messages
from galerne.flows.chat import Chat
from galerne.flows.served import ServedModels
from galerne.prompt.instructions import SAFETY
from galerne.prompt.tool_format import TAGGED_THINKING
from galerne.protocol.messages import text_of


class ThinkingHouse(House):
    """Its model reasons before it answers."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(answer)
        self.template = PlainTemplate(TAGGED_THINKING)
        model = replace(self.models.find("fake"), template=self.template)
        self.chat = Chat(ServedModels([model], {}), self.tally, self.settings)


async def test_reasoning_comes_beside_the_text() -> None:
    events = await ThinkingHouse(b"<think>Why?</think>\n\nSo.").ask()
    assert "".join(event.text for event in events if isinstance(event, ThinkingDelta)) == "Why?"
    assert text(events) == "So."


async def test_reasoning_that_the_prompt_opens() -> None:
    house = ThinkingHouse(b"Why?</think>So.")
    events = await house.ask("Hm. <think>\n")
    assert "".join(event.text for event in events if isinstance(event, ThinkingDelta)) == "Why?"
    assert text(events) == "So."


async def test_a_form_comes_after_the_reasoning() -> None:
    house = ThinkingHouse(b"<think>a</think>{}")
    grammar = (await house.asked(response_format={"type": "json_object"})).grammar
    assert grammar is not None
    assert grammar.startswith("start: reasoning? rest")


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"reasoning_effort": "low"}, "low"),
        ({"reasoning_effort": "none"}, "none"),
        ({"prompt_mode": "reasoning"}, "high"),
        ({"prompt_mode": "reasoning", "reasoning_effort": "max"}, "max"),
    ],
)
async def test_the_template_is_told_how_much(fields: dict[str, Any], effort: str | None) -> None:
    house = ThinkingHouse(b"x")
    await house.ask(**fields)
    assert house.template.effort == effort


async def test_a_model_that_does_not_reason_has_no_such_mode() -> None:
    with pytest.raises(UnsupportedField) as caught:
        await House().ask(prompt_mode="reasoning")
    assert caught.value.where == "prompt_mode"


def told(**fields: Any) -> str:
    return "|".join(text_of(message.content) for message in told_messages(request("?", **fields)))


def test_safety_comes_first() -> None:
    assert told(safe_prompt=True) == f"{SAFETY}|?"
    assert told(safe_prompt=False) == "?"
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    assert told(safe_prompt=True, response_format=form).startswith(f"{SAFETY}\n\nYour output should be")
    for content in ("Be brief.", [{"type": "text", "text": "Be brief."}]):
        messages = [{"role": "system", "content": content}, {"role": "user", "content": "?"}]
        assert told(safe_prompt=True, messages=messages) == f"{SAFETY}\n\nBe brief.|?"


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        (None, b""),
        ({"type": "content"}, b""),
        ({"type": "content", "content": "Bonjour"}, b"Bonjour"),
        (
            {"type": "content", "content": [{"type": "text", "text": "Bon"}, {"type": "text", "text": "jour"}]},
            b"Bonjour",
        ),
    ],
)
async def test_a_prediction_is_told_the_engine(prediction: dict[str, Any] | None, expected: bytes) -> None:
    assert bytes((await House().asked(prediction=prediction)).expected) == expected


async def test_a_prediction_that_no_context_could_hold() -> None:
    with pytest.raises(PromptTooLong) as caught:
        await House().ask(prediction={"type": "content", "content": "x" * 201})
    assert caught.value.where == "prediction"


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_effort": "some"},
        {"prompt_mode": "none"},
        {"prediction": {"type": "words"}},
        {"prediction": "Bonjour"},
        {"safe_prompt": 1},
    ],
)
def test_what_makes_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        request(**fields)
