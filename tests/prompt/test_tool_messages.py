"""Calls and results in a conversation: their ids, and their words where a template knows none."""

from __future__ import annotations

from galerne.prompt.call_ids import NO_ID, paired, short_id
from galerne.prompt.tool_prompt import told_in_words
from galerne.protocol.messages import (
    AssistantMessage,
    FunctionCall,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    text_of,
)

TOOL = {"type": "function", "function": {"name": "météo", "parameters": {"type": "object"}}}


def call(id: str, name: str = "weather", arguments: str = '{"city": "Brest"}') -> ToolCall:
    return ToolCall(id=id, function=FunctionCall(name=name, arguments=arguments))


def test_ids_have_nine_letters_and_digits() -> None:
    assert short_id("abcDEF123") == "abcDEF123"
    for name in ("call_Xy7", "", "null", "abcdefgh\u00e9", "a" * 100, "\ud800"):
        assert len(short_id(name)) == 9
        assert short_id(name).isalnum()
        assert short_id(name).isascii()
        assert short_id(name) == short_id(name)
    assert short_id("call_1") != short_id("call_2")


def test_results_find_their_calls() -> None:
    messages: list[Message] = [
        UserMessage(content="?"),
        AssistantMessage(tool_calls=[call("call_1"), call("call_2", "time")]),
        ToolMessage(content="noon", tool_call_id="call_2"),
        ToolMessage(content="rain", tool_call_id="call_1", name="its own"),
    ]
    _, asked, time, weather = paired(messages)
    assert isinstance(asked, AssistantMessage)
    assert asked.tool_calls is not None
    assert isinstance(time, ToolMessage)
    assert isinstance(weather, ToolMessage)
    assert [time.tool_call_id, weather.tool_call_id] == [asked.tool_calls[1].id, asked.tool_calls[0].id]
    assert (time.name, weather.name) == ("time", "its own")


def test_results_without_ids_are_those_of_the_calls_in_turn() -> None:
    messages: list[Message] = [
        AssistantMessage(tool_calls=[call(NO_ID), call(NO_ID, "time")]),
        ToolMessage(content="rain"),
        ToolMessage(content="noon", tool_call_id=NO_ID),
        ToolMessage(content="of nothing"),
    ]
    asked, *results = paired(messages)
    assert isinstance(asked, AssistantMessage)
    assert asked.tool_calls is not None
    ids = [one.id for one in asked.tool_calls]
    assert len(set(ids)) == 2
    assert [one.tool_call_id for one in results if isinstance(one, ToolMessage)] == [*ids, None]
    assert [one.name for one in results if isinstance(one, ToolMessage)] == ["weather", "time", None]


def test_tools_calls_and_results_in_words() -> None:
    messages: list[Message] = [
        SystemMessage(content="Be kind."),
        UserMessage(content="?"),
        AssistantMessage(content="I look.", tool_calls=[call("a"), call("b", "time", "{}")]),
        ToolMessage(content="rain", tool_call_id="a"),
        ToolMessage(content="noon", tool_call_id="b"),
        AssistantMessage(content="It rains."),
    ]
    told = told_in_words(messages, [TOOL])
    assert [message.role for message in told] == ["system", "user", "assistant", "user", "assistant"]
    system, _, asked, results, _ = (text_of(message.content) for message in told)
    assert system.startswith("Be kind.\n\n")
    assert '<tools>\n{"type": "function", "function": {"name": "météo"' in system
    assert asked == (
        'I look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Brest"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>'
    )
    assert results == "<tool_response>\nrain\n</tool_response>\n<tool_response>\nnoon\n</tool_response>"


def test_without_tools_nothing_is_told() -> None:
    messages: list[Message] = [UserMessage(content="?")]
    assert told_in_words(messages, []) == messages
