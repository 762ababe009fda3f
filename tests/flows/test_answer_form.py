"""The form that a request wants its answers to have reaches the engine, and the model is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.flows.test_chat import House, request

from galerne.errors import BadGrammar

BOOK = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


def schema(value: dict[str, Any] = BOOK, **fields: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "book", "schema": value, **fields}}


@pytest.mark.parametrize("form", [{}, {"type": "text"}, {"type": "text", "json_schema": None}, None])
async def test_text_follows_no_grammar(form: dict[str, Any] | None) -> None:
    assert (await House().asked(response_format=form)).grammar is None


@pytest.mark.parametrize("strict", [{}, {"strict": True}, {"strict": False}, {"strict": None}])
async def test_a_schema_is_followed_strict_or_not(strict: dict[str, Any]) -> None:
    grammar = (await House().asked(response_format=schema(**strict), n=2)).grammar
    assert grammar is not None
    assert '"required": ["title"]' in grammar


async def test_all_choices_follow_it() -> None:
    house = House()
    await house.ask(response_format=schema(), n=3)
    assert len({asked.grammar for asked in house.generator.requests}) == 1


async def test_the_model_is_told_the_schema() -> None:
    house = House()
    asked = await house.asked(response_format=schema({"title": "Livre lu"}, description="A book by Zoé."))
    told = bytes(asked.prompt).decode()
    assert told.startswith("A book by Zoé.\nYour output should be")
    assert '"title": "Livre lu"' in told
    assert told.endswith("}Hello")


async def test_it_is_told_where_the_system_message_is() -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    asked = await House().asked(messages=messages, response_format=schema())
    assert bytes(asked.prompt).decode().startswith("Be kind.\n\nYour output should be")
    parts = [{"role": "developer", "content": [{"type": "text", "text": "Be kind."}]}, messages[1]]
    asked = await House().asked(messages=parts, response_format=schema())
    assert bytes(asked.prompt).decode().startswith("Be kind.\n\nYour output should be")


async def test_json_mode() -> None:
    grammar = (await House().asked(response_format={"type": "json_object"})).grammar
    assert grammar is not None
    assert '"type": "object"' in grammar


async def test_patterns_and_choices() -> None:
    assert (await House().asked(structured_outputs={"regex": "[a-z]+/[0-9]"})).grammar == "start: /[a-z]+\\/[0-9]/"
    asked = await House().asked(structured_outputs={"choice": ["oui", 'no"n\n']})
    assert asked.grammar == 'start: "oui" | "no\\"n\\n"'


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        (
            {"response_format": schema({"properties": {"a": {"not": {}}}})},
            "response_format.json_schema.schema.properties.a.not",
        ),
        ({"structured_outputs": {"regex": "("}}, "structured_outputs.regex"),
        ({"structured_outputs": {"choice": ["x" * 300_000]}}, "structured_outputs.choice"),
    ],
)
async def test_what_cannot_be_followed_is_refused_before_the_engine_sees_it(fields: dict[str, Any], where: str) -> None:
    house = House()
    with pytest.raises(BadGrammar) as caught:
        await house.ask(**fields)
    assert caught.value.where == where
    assert house.generator.requests == []


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_schema"}},
        {"response_format": {"type": "json_object", "json_schema": schema()["json_schema"]}},
        {"response_format": {"type": "xml"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "", "schema": {}}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": True}}},
        {"structured_outputs": {}},
        {"structured_outputs": {"regex": "a", "choice": ["a"]}},
        {"structured_outputs": {"choice": []}},
        {"structured_outputs": {"choice": [""]}},
        {"structured_outputs": {"grammar": "start: x"}},
        {"structured_outputs": {"regex": "a"}, "response_format": {"type": "json_object"}},
        {
            "messages": [{"role": "assistant", "content": "{", "prefix": True}],
            "response_format": {"type": "json_object"},
        },
    ],
)
def test_what_makes_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        request(**fields)
