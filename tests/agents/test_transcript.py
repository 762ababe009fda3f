"""What a model is told of a conversation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from galerne.agents.transcript import check_results, messages_of
from galerne.errors import InvalidRequest
from galerne.protocol.entries import Entry

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def entry(type: str, **fields: Any) -> Entry:
    return TypeAdapter[Entry](Entry).validate_python({"type": type, "completed_at": NOW, **fields})


def user(text: str) -> Entry:
    return entry("message.input", role="user", content=text)


def said(content: Any, **fields: Any) -> Entry:
    return entry("message.output", content=content, **fields)


def call(id: str, name: str = "add", arguments: Any = '{"a": 1}', **fields: Any) -> Entry:
    return entry("function.call", tool_call_id=id, name=name, arguments=arguments, **fields)


def result(id: str, text: str = "2") -> Entry:
    return entry("function.result", tool_call_id=id, result=text)


def handoff() -> Entry:
    return entry(
        "agent.handoff", previous_agent_id="a", previous_agent_name="A", next_agent_id="b", next_agent_name="B"
    )


def told(*entries: Entry, instructions: str | None = None) -> list[dict[str, Any]]:
    return [
        message.model_dump(exclude_defaults=True) | {"role": message.role}
        for message in messages_of(entries, instructions)
    ]


def test_messages_come_in_order_behind_the_instructions() -> None:
    assert told(user("one"), said("two"), user("three"), instructions="Be brief.") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]


def test_every_role_that_a_client_knows_is_told() -> None:
    roles = ["user", "assistant", "system", "developer"]
    entries = [entry("message.input", role=role, content=role) for role in roles]
    assert [message["role"] for message in told(*entries)] == roles


def test_calls_belong_to_the_message_before_them_and_results_know_their_function() -> None:
    entries = [user("?"), said("Let me see."), call("1"), call("2", "sub", {"b": "é"}), result("1"), result("2", "3")]
    assert told(*entries)[1:] == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {"id": "1", "function": {"name": "add", "arguments": '{"a": 1}'}},
                {"id": "2", "function": {"name": "sub", "arguments": '{"b": "é"}'}},
            ],
        },
        {"role": "tool", "content": "2", "tool_call_id": "1", "name": "add"},
        {"role": "tool", "content": "3", "tool_call_id": "2", "name": "sub"},
    ]


def test_calls_need_no_text() -> None:
    assert told(user("?"), call("1"), result("1"))[1] == {
        "role": "assistant",
        "tool_calls": [{"id": "1", "function": {"name": "add", "arguments": '{"a": 1}'}}],
    }


def test_what_two_agents_said_in_a_row_is_one_message() -> None:
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "A"}]
    assert told(user("?"), said("one"), handoff(), said("two"))[1:] == [{"role": "assistant", "content": "one\ntwo"}]
    content = told(user("?"), said(thinking), said("two"))[1]["content"]
    assert [part.get("text", "thought") for part in content] == ["thought", "A", "two"]


def test_a_call_that_was_cut_off_is_not_told() -> None:
    cut = call("1", arguments='{"a', completed_at=None)
    assert told(user("?"), cut, user("!")) == [{"role": "user", "content": "?"}, {"role": "user", "content": "!"}]
    check_results([user("?"), cut, user("!")], "inputs")


def test_a_prefix_and_the_answer_that_went_on_from_it_are_one_message() -> None:
    prefix = entry("message.input", role="assistant", content="Once", prefix=True)
    assert told(user("?"), prefix)[1] == {"role": "assistant", "content": "Once", "prefix": True}
    assert told(user("?"), prefix, said(" upon"), user("!"))[1] == {"role": "assistant", "content": "Once upon"}
    # Nothing came of it: the conversation went on without an answer.
    assert told(user("?"), prefix, user("!"))[1] == {"role": "assistant", "content": "Once"}


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ([call("1"), user("!")], "no result yet: 1"),
        ([call("2"), call("1"), result("2")], "no result yet: 1"),
        ([result("1")], "no function call '1'"),
        ([call("1"), result("1"), result("1")], "no function call '1'"),
    ],
)
def test_results_and_calls_fit_together(entries: list[Entry], fault: str) -> None:
    with pytest.raises(InvalidRequest, match=fault):
        check_results(entries, "inputs")
