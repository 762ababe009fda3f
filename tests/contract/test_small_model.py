"""The default model keeps to forms and calls functions, small as it is, in conversations and responses."""

from __future__ import annotations

import json
from typing import Any

from mistralai.client.models import FunctionCallEntry
from mistralai.extra.run.context import RunContext
from openai.types.responses import ResponseFunctionToolCall
from pydantic import BaseModel
from tests.contract.clients import mistral, openai

MODEL = "smollm2-135m-instruct"
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"port": {"type": "string", "enum": ["Brest", "Lorient"]}, "days": {"type": "integer", "minimum": 1}},
    "required": ["port", "days"],
    "additionalProperties": False,
}


class Wind(BaseModel):
    direction: str
    gusty: bool


def check(arguments: str) -> None:
    said = json.loads(arguments)
    assert said["port"] in ("Brest", "Lorient")
    assert said["days"] >= 1


def test_a_conversation_calls_a_function_and_goes_on(server: str) -> None:
    function = {"name": "forecast", "parameters": PARAMETERS}
    with mistral(server) as client:
        talk = client.beta.conversations
        first = talk.start(
            model=MODEL,
            inputs="Will it be windy?",
            tools=[{"type": "function", "function": function}],
            completion_args={"tool_choice": "any", "max_tokens": 64, "temperature": 0, "random_seed": 1},
        )
        whole = [call for call in first.outputs if isinstance(call, FunctionCallEntry) and call.completed_at]
        assert whole
        for call in whole:
            assert call.name == "forecast"
            check(str(call.arguments))
        results: list[Any] = [
            {"type": "function.result", "tool_call_id": call.tool_call_id, "result": "gusty"} for call in whole
        ]
        last = talk.append(
            conversation_id=first.conversation_id, inputs=results, completion_args={"tool_choice": "none"}
        )
        assert last.outputs[0].type == "message.output"


async def test_a_run_gives_an_object(server: str) -> None:
    async with mistral(server) as client, RunContext(model=MODEL, output_format=Wind) as context:
        result = await client.beta.conversations.run_async(
            run_ctx=context, inputs="The wind?", completion_args={"max_tokens": 100, "random_seed": 1}
        )
    assert isinstance(result.output_as_model, Wind)


def test_a_response_is_parsed(server: str) -> None:
    with openai(server) as client:
        asked: Any = {"model": MODEL, "input": "The wind?", "max_output_tokens": 100, "temperature": 0}
        parsed = client.responses.parse(text_format=Wind, **asked)
        assert isinstance(parsed.output_parsed, Wind)
        tool: Any = {"type": "function", "name": "forecast", "parameters": PARAMETERS, "strict": True}
        choice: Any = {"type": "function", "name": "forecast"}
        called = client.responses.create(tools=[tool], tool_choice=choice, parallel_tool_calls=False, **asked)
        [call] = called.output
        assert isinstance(call, ResponseFunctionToolCall)
        check(call.arguments)
        assert client.responses.retrieve(called.id) == called
