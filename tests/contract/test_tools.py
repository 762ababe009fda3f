"""Tools as both official clients use them, and LangChain on top of one: even the smallest model makes right calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import validate
from langchain_mistralai import ChatMistralAI
from mistralai.client import Mistral
from openai import OpenAI, pydantic_function_tool
from pydantic import BaseModel, Field
from tests.contract.clients import KEY, async_openai, mistral, openai

MODEL = "mistral-small-latest"
PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "unit": {"enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "description": "The weather of the next days.", "parameters": PARAMETERS},
}
TIME: Any = {"type": "function", "function": {"name": "time", "description": "What time it is.", "parameters": {}}}
QUESTION: Any = [{"role": "user", "content": "What is the weather in Brest?"}]


class Add(BaseModel):
    """Add two numbers."""

    a: int = Field(ge=0, le=100)  # a small model writes digits without end, if it may
    b: int = Field(ge=0, le=100)


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[OpenAI]:
    with openai(server) as client:
        yield client


@pytest.fixture(scope="module")
def le_client(server: str) -> Iterator[Mistral]:
    with mistral(server) as client:
        yield client


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_openai_gets_the_call_that_it_forces(client: OpenAI, choice: Any) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=QUESTION, tools=[WEATHER, TIME], tool_choice=choice, parallel_tool_calls=False, seed=1
    )
    (chosen,) = answer.choices
    assert chosen.finish_reason == "tool_calls"
    (call,) = chosen.message.tool_calls or ()
    assert call.type == "function"
    if call.function.name == "weather":
        validate(json.loads(call.function.arguments), PARAMETERS)
    else:
        assert choice == "required"


def test_mistral_gets_the_call_that_it_forces(le_client: Mistral) -> None:
    answer = le_client.chat.complete(
        model=MODEL, messages=QUESTION, tools=[WEATHER], tool_choice="any", random_seed=2, parallel_tool_calls=False
    )
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message is not None
    assert choice.message.tool_calls
    (call,) = choice.message.tool_calls
    assert call.function.name == "weather"
    assert isinstance(call.function.arguments, str)
    validate(json.loads(call.function.arguments), PARAMETERS)
    assert call.id is not None
    assert len(call.id) == 9
    assert call.id.isalnum()


def test_a_conversation_with_calls_and_results(client: OpenAI, le_client: Mistral) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": QUESTION, "tools": [WEATHER], "tool_choice": "any"}
    message = le_client.chat.complete(**asked, parallel_tool_calls=False, max_tokens=100).choices[0].message
    assert message is not None
    assert message.tool_calls
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "It rains."}
    again = le_client.chat.complete(model=MODEL, messages=[*QUESTION, message, result], tools=[WEATHER], max_tokens=5)
    assert again.usage.prompt_tokens
    theirs = client.chat.completions.create(**{**asked, "tool_choice": "required"}, parallel_tool_calls=False)
    (call,) = theirs.choices[0].message.tool_calls or ()
    told = {"role": "tool", "tool_call_id": call.id, "content": "It rains."}
    messages: Any = [*QUESTION, theirs.choices[0].message, told]
    assert client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER], max_tokens=5).choices


def test_mistral_streams_a_call(le_client: Mistral) -> None:
    with le_client.chat.stream(
        model=MODEL, messages=QUESTION, tools=[WEATHER], tool_choice="any", parallel_tool_calls=False, random_seed=3
    ) as stream:
        choices = [event.data.choices[0] for event in stream]
    (call,) = (call for choice in choices for call in choice.delta.tool_calls or ())  # as Mistral's servers send it
    assert (call.function.name, call.index) == ("weather", 0)
    assert call.id != "null"
    validate(json.loads(str(call.function.arguments)), PARAMETERS)
    assert choices[-1].finish_reason == "tool_calls"


async def test_openai_streams_and_parses_a_call(server: str) -> None:
    async with (
        async_openai(server) as client,
        client.chat.completions.stream(
            model=MODEL,
            messages=[{"role": "user", "content": "What is 17 + 25?"}],
            tools=[pydantic_function_tool(Add)],
            tool_choice="required",
            parallel_tool_calls=False,
            seed=4,
        ) as stream,
    ):
        deltas = [event async for event in stream if event.type == "tool_calls.function.arguments.delta"]
        answer = await stream.get_final_completion()
    assert len(deltas) > 3
    (call,) = answer.choices[0].message.tool_calls or ()
    assert isinstance(call.function.parsed_arguments, Add)


def test_a_model_may_answer_in_text(client: OpenAI) -> None:
    for choice in ("auto", "none"):
        answer = client.chat.completions.create(
            model=MODEL, messages=QUESTION, tools=[WEATHER], tool_choice=choice, temperature=0, max_tokens=8
        )
        assert answer.choices[0].message.content


def test_langchain_binds_tools_and_structured_output(server: str) -> None:
    model = ChatMistralAI(model=MODEL, api_key=KEY, base_url=f"{server}/v1", max_tokens=200)  # type: ignore[call-arg]
    called = model.bind_tools([Add], tool_choice="any").invoke("What is 17 + 25?")
    assert called.tool_calls
    assert all(Add.model_validate(call["args"]) for call in called.tool_calls)
    assert isinstance(model.with_structured_output(Add).invoke("What is 17 + 25?"), Add)
    whole, *others = model.bind_tools([Add], tool_choice="any").stream("What is 17 + 25?")
    for chunk in others:
        whole += chunk
    assert whole.tool_calls
    assert all(Add.model_validate(call["args"]) for call in whole.tool_calls)
