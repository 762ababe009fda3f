"""Tools of a request: the model is told them, the grammar lets it call them, and calls come out of its tokens."""

from __future__ import annotations

from typing import Any

import pytest
from tests.flows.fakes import PlainTemplate
from tests.flows.test_chat import House, request, text

from galerne.errors import BadGrammar, InvalidRequest, TooLarge
from galerne.flows.answer_events import AnswerEvent, CallDelta, ChoiceEnd
from galerne.settings import Settings


def tool(name: str = "weather", **function: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"type": "function", "function": {"name": name, "parameters": parameters, **function}}


CALL = b'I look.<tool_call>\n{"name": "weather", "arguments": {"city": "Nice"}}\n</tool_call>'
TOOLS = [tool(description="The weather."), tool("time", parameters=None)]


@pytest.fixture(scope="module")
def house() -> House:
    """Its model answers with a call."""
    return House(CALL)


def calls(events: list[AnswerEvent]) -> list[CallDelta]:
    return [event for event in events if isinstance(event, CallDelta)]


def reason(events: list[AnswerEvent]) -> str:
    return next(event.reason for event in events if isinstance(event, ChoiceEnd))


async def test_a_call(house: House) -> None:
    events = await house.ask(tools=TOOLS)
    assert text(events) == "I look."
    first, *others = calls(events)
    assert first.name == "weather"
    assert "".join(delta.arguments for delta in others) == '{"city": "Nice"}'
    assert reason(events) == "tool_calls"


async def test_text_of_a_model_with_tools() -> None:
    events = await House(b"Just text.").ask(tools=TOOLS)
    assert (text(events), calls(events), reason(events)) == ("Just text.", [], "stop")


async def test_a_cut_call_says_so(house: House) -> None:
    events = await house.ask(tools=TOOLS, max_tokens=60)
    assert calls(events)
    assert reason(events) == "length"


async def test_without_tools_the_same_text_is_text(house: House) -> None:
    for fields in ({}, {"tools": []}, {"tools": TOOLS, "tool_choice": "none"}):
        events = await house.ask(**fields)
        assert text(events) == CALL.decode()
        assert reason(events) == "stop"
        assert house.generator.requests[-1].grammar is None
        assert told(house) == []


def told(house: House) -> list[str]:
    template = house.models.find("fake").template
    assert isinstance(template, PlainTemplate)
    return [tool["function"]["name"] for tool in template.tools]


@pytest.mark.parametrize("choice", [None, "auto", "any", "required", {"function": {"name": "time"}}])
async def test_the_model_is_told_all_tools(choice: object, house: House) -> None:
    await house.ask(tools=TOOLS, tool_choice=choice)
    assert told(house) == ["weather", "time"]


@pytest.mark.parametrize(
    ("choice", "may_be_text", "callable"),
    [
        (None, True, ["weather", "time"]),
        ("auto", True, ["weather", "time"]),
        ("any", False, ["weather", "time"]),
        ("required", False, ["weather", "time"]),
        ({"type": "function", "function": {"name": "time"}}, False, ["time"]),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "weather"}}]},
            },
            True,
            ["weather"],
        ),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "weather"}}]},
            },
            False,
            ["weather"],
        ),
    ],
)
async def test_what_the_grammar_lets_it_do(
    choice: object, may_be_text: bool, callable: list[str], house: House
) -> None:
    grammar = (await house.asked(tools=TOOLS, tool_choice=choice)).grammar
    assert grammar is not None
    assert ("content: TEXT" in grammar) == may_be_text
    assert [name for name in ("weather", "time") if f'"{name}\\", ' in grammar] == callable


@pytest.mark.parametrize(
    ("fields", "several"),
    [
        ({}, True),
        ({"parallel_tool_calls": True}, True),
        ({"parallel_tool_calls": False}, False),
        ({"tool_choice": {"function": {"name": "time"}}}, False),
        ({"tool_choice": {"function": {"name": "time"}}, "parallel_tool_calls": True}, True),
    ],
)
async def test_how_many_calls(fields: dict[str, Any], several: bool, house: House) -> None:
    grammar = (await house.asked(tools=TOOLS, **fields)).grammar
    assert ("{0,31}" in (grammar or "")) == several


ODD = {"type": "object", "properties": {"a": {"uniqueItems": True}}}


async def test_a_schema_that_cannot_be_followed_matters_where_it_must_be(house: House) -> None:
    grammar = (await house.asked(tools=[tool(parameters=ODD)])).grammar
    assert grammar is not None
    assert "uniqueItems" not in grammar
    for fields in ({"tool_choice": "any"}, {"tools": [tool(parameters=ODD, strict=True)]}):
        with pytest.raises(BadGrammar) as caught:
            await house.ask(**{"tools": [tool(parameters=ODD)], **fields})
        assert caught.value.where == "tools[0].function.parameters.properties.a.uniqueItems"


async def test_arguments_are_an_object(house: House) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await house.ask(tools=[tool(parameters={"type": "array"})])
    assert caught.value.where == "tools[0].function.parameters.type"
    assert (await house.asked(tools=[tool(parameters={})], tool_choice="any")).grammar


async def test_tools_are_limited() -> None:
    with pytest.raises(TooLarge) as caught:
        await House().ask(tools=[tool(f"t{number}") for number in range(Settings().max_tools + 1)])
    assert caught.value.where == "tools"


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_choice": "any"},
        {"tool_choice": {"function": {"name": "weather"}}},
        {"tools": TOOLS, "tool_choice": {"function": {"name": "stocks"}}},
        {"tools": [TOOLS[0], TOOLS[0]]},
        {"tools": [tool("with space")]},
        {"tools": [tool("x" * 65)]},
        {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "custom", "custom": {"name": "x"}}]},
        {"tools": TOOLS, "tool_choice": "always"},
    ],
)
def test_what_makes_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        request(**fields)
