"""`run_async` of the official Mistral client, unchanged: it calls functions of the caller's own, and MCP servers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import StdioServerParameters
from mistralai.client.models import (
    AgentHandoffEntry,
    FunctionCallEntry,
    FunctionResultEntry,
    FunctionTool,
    MessageOutputEntry,
)
from mistralai.extra.exceptions import DeferredToolCallsException, RunException
from mistralai.extra.mcp.stdio import MCPClientSTDIO
from mistralai.extra.mcp.streamable_http import MCPClientStreamableHTTP, StreamableHTTPServerParams
from mistralai.extra.run.context import RunContext
from mistralai.extra.run.result import RunResult, RunResultEvents
from pydantic import BaseModel
from tests.contract import mcp_tools
from tests.contract.server import serving
from tests.contract.talking import Talking, call, talking


class Sum(BaseModel):
    numbers: list[int]
    total: int


def add(a: int, b: int = 0) -> int:
    """Add two numbers.

    Args:
        a: The one.
        b: The other.
    """
    return a + b


async def fail(reason: str) -> str:
    """Fail."""
    raise ValueError(reason)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talking]:
    with talking(tmp_path_factory.mktemp("talking")) as server:
        yield server


@pytest.fixture
def server(running: Talking) -> Talking:
    running.will_say()
    return running


async def test_a_function_is_called_and_its_result_answered(server: Talking) -> None:
    server.will_say(b"Let me add." + call("add", a=20, b=22), b"It is 42.")
    async with server.mistral() as client, RunContext(model="fake") as context:
        context.register_func(add)
        result = await client.beta.conversations.run_async(run_ctx=context, inputs="20 + 22?", instructions="Add.")
        said, called, given, answer = result.output_entries
        assert isinstance(said, MessageOutputEntry)
        assert isinstance(called, FunctionCallEntry)
        assert isinstance(given, FunctionResultEntry)
        assert isinstance(answer, MessageOutputEntry)
        assert (said.content, called.name, given.result) == ("Let me add.", "add", "42")
        assert given.tool_call_id == called.tool_call_id
        assert server.prompt == "Add.20 + 22?Let me add.42"
        [tool] = server.tools
        assert tool["function"]["parameters"]["properties"]["a"]["description"] == "The one."
        history = await client.beta.conversations.get_history_async(conversation_id=str(result.conversation_id))
        assert [entry.type for entry in history.entries] == [
            "message.input",
            "message.output",
            "function.call",
            "function.result",
            "message.output",
        ]
        server.will_say(b"Again 42.")
        again = await client.beta.conversations.run_async(run_ctx=context, inputs="Sure?")
        assert again.conversation_id == result.conversation_id
        assert again.output_as_text == "Again 42."


async def test_two_calls_at_once_are_both_answered(server: Talking) -> None:
    server.will_say(call("add", a=1) + b"\n" + call("add", a=2), b"1 and 2.")
    async with server.mistral() as client, RunContext(model="fake") as context:
        context.register_func(add)
        result = await client.beta.conversations.run_async(run_ctx=context, inputs="?")
    results = [entry.result for entry in result.output_entries if isinstance(entry, FunctionResultEntry)]
    assert results == ["1", "2"]


async def test_a_stream_tells_calls_piece_by_piece(server: Talking) -> None:
    server.will_say(call("add", a=20, b=22), b"It is 42.")
    async with server.mistral() as client, RunContext(model="fake") as context:
        context.register_func(add)
        events = await client.beta.conversations.run_stream_async(run_ctx=context, inputs="20 + 22?")
        told = [event async for event in events]
    names = [event.event for event in told if not isinstance(event, RunResult)]
    assert names.count("function.call.delta") > 3
    assert names.count("function.result") == 1
    pieces = [
        event.data.arguments
        for event in told
        if isinstance(event, RunResultEvents) is False
        and not isinstance(event, RunResult)
        and event.event == "function.call.delta"
    ]
    assert json.loads("".join(pieces)) == {"a": 20, "b": 22}
    assert isinstance(told[-1], RunResult)
    assert told[-1].output_as_text == "It is 42."


async def test_a_function_that_fails(server: Talking) -> None:
    async with server.mistral() as client:
        server.will_say(call("fail", reason="No wind."), b"A pity.")
        async with RunContext(model="fake", continue_on_fn_error=True) as context:
            context.register_func(fail)
            result = await client.beta.conversations.run_async(run_ctx=context, inputs="?")
        assert server.prompt.endswith("No wind.")
        assert result.output_as_text == "A pity."
        server.will_say(call("fail", reason="No wind."))
        async with RunContext(model="fake") as context:
            context.register_func(fail)
            with pytest.raises(RunException):
                await client.beta.conversations.run_async(run_ctx=context, inputs="?")


async def test_a_call_that_a_person_must_allow(server: Talking) -> None:
    server.will_say(call("add", a=20, b=22), b"It is 42.")
    async with server.mistral() as client, RunContext(model="fake") as context:
        context.register_func(add, requires_confirmation=True)
        with pytest.raises(DeferredToolCallsException) as deferred:
            await client.beta.conversations.run_async(run_ctx=context, inputs="20 + 22?")
        [waiting] = deferred.value.deferred_calls
        result = await client.beta.conversations.run_async(run_ctx=context, inputs=[waiting.confirm()])
        assert result.output_as_text == "It is 42."
        server.will_say(call("add", a=1), b"Then not.")
        with pytest.raises(DeferredToolCallsException) as deferred:
            await client.beta.conversations.run_async(run_ctx=context, inputs="1 + 0?")
        [waiting] = deferred.value.deferred_calls
        result = await client.beta.conversations.run_async(run_ctx=context, inputs=[waiting.reject("No.")])
        assert (result.output_as_text, server.prompt[-3:]) == ("Then not.", "No.")


async def test_the_functions_of_an_agent(server: Talking) -> None:
    server.will_say(call("add", a=20, b=22), b"It is 42.")
    async with server.mistral() as client:
        agent = await client.beta.agents.create_async(model="fake", name="Adder", instructions="Add.")
        for version in (1, 1):  # the second run changes nothing
            server.will_say(call("add", a=20, b=22), b"It is 42.")
            async with RunContext(agent_id=agent.id) as context:
                context.register_func(add)
                result = await client.beta.conversations.run_async(run_ctx=context, inputs="20 + 22?")
            assert result.output_as_text == "It is 42."
            found = await client.beta.agents.get_async(agent_id=agent.id)
            assert found.version == version
            [tool] = found.tools or []
            assert isinstance(tool, FunctionTool)
            assert tool.function.name == "add"


async def test_an_answer_becomes_an_object(server: Talking) -> None:
    server.will_say(b'{"numbers": [20, 22], "total": 42}')
    async with server.mistral() as client, RunContext(model="fake", output_format=Sum) as context:
        result = await client.beta.conversations.run_async(run_ctx=context, inputs="20 + 22?")
    assert result.output_as_model == Sum(numbers=[20, 22], total=42)
    assert server.house.generator.requests[-1].grammar is not None


async def test_mcp_servers_over_stdio_and_http(server: Talking) -> None:
    program = StdioServerParameters(command=sys.executable, args=[str(Path(mcp_tools.__file__))])
    app = mcp_tools.server.streamable_http_app()
    with serving(app) as url:
        over_http = StreamableHTTPServerParams(url=f"{url}/mcp", trust_env=False)
        for mcp in (MCPClientSTDIO(program), MCPClientStreamableHTTP(over_http)):
            server.will_say(call("wind", port="Brest"), b"Strong.")
            async with server.mistral() as client, RunContext(model="fake") as context:
                await context.register_mcp_client(mcp_client=mcp)
                result = await client.beta.conversations.run_async(run_ctx=context, inputs="Wind?")
            assert "north-west at Brest" in server.prompt
            assert result.output_as_text == "Strong."


async def test_agents_pass_a_conversation_on(server: Talking) -> None:
    async with server.mistral() as client:
        agents, talk = client.beta.agents, client.beta.conversations
        sums = await agents.create_async(model="fake", name="Sums", instructions="Add.", description="It adds.")
        desk = await agents.create_async(model="fake", name="Desk", instructions="Pass on.", handoffs=[sums.id])
        server.will_say(b"One moment." + call("transfer_to_sums"), b"It is 42.")
        first = await talk.start_async(agent_id=desk.id, inputs="20 + 22?")
        said, handoff, answer = first.outputs
        assert isinstance(said, MessageOutputEntry)
        assert isinstance(handoff, AgentHandoffEntry)
        assert isinstance(answer, MessageOutputEntry)
        assert (said.agent_id, answer.agent_id) == (desk.id, sums.id)
        assert (handoff.previous_agent_name, handoff.next_agent_name) == ("Desk", "Sums")
        assert server.prompt == "Add.20 + 22?One moment."
        await talk.append_async(conversation_id=first.conversation_id, inputs="And?")
        assert server.prompt.startswith("Add.")

        server.will_say(call("transfer_to_sums"), b"It is 42.")
        async with await talk.start_stream_async(agent_id=desk.id, inputs="20 + 22?") as stream:
            names = [event.event async for event in stream]
        assert names[:4] == [
            "conversation.response.started",
            "agent.handoff.started",
            "agent.handoff.done",
            "message.output.delta",
        ]


async def test_a_client_passes_a_conversation_on_itself(server: Talking) -> None:
    async with server.mistral() as client:
        agents, talk = client.beta.agents, client.beta.conversations
        sums = await agents.create_async(model="fake", name="Sums", instructions="Add.")
        desk = await agents.create_async(model="fake", name="Desk", instructions="Pass on.", handoffs=[sums.id])
        server.will_say(call("transfer_to_sums"))
        first = await talk.start_async(agent_id=desk.id, inputs="20 + 22?", handoff_execution="client")
        [handoff] = first.outputs
        assert isinstance(handoff, AgentHandoffEntry)
        assert handoff.completed_at is None
        await talk.append_async(conversation_id=first.conversation_id, inputs="Wait.")
        assert server.prompt == "Pass on.20 + 22?Wait."
        await talk.append_async(conversation_id=first.conversation_id, inputs=[handoff])
        assert server.prompt.startswith("Add.")
