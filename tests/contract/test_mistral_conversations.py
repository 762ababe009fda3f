"""Conversations and agents as the official Mistral client speaks of them, unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mistralai.client import Mistral
from mistralai.client.errors import HTTPValidationError, SDKError
from mistralai.client.models import (
    AgentConversation,
    CompletionArgs,
    ConversationEvents,
    MessageInputEntry,
    MessageOutputEntry,
    ModelConversation,
    Prediction,
    ResponseDoneEvent,
    ResponseErrorEvent,
    ResponseStartedEvent,
)
from mistralai.client.models import MessageOutputEvent as OutputEvent
from tests.contract.talking import Talking, talking


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talking]:
    with talking(tmp_path_factory.mktemp("talking")) as server:
        yield server


@pytest.fixture
def server(running: Talking) -> Talking:
    running.will_say()
    return running


@pytest.fixture
def client(server: Talking) -> Iterator[Mistral]:
    with server.mistral() as client:
        yield client


def text(events: list[ConversationEvents]) -> str:
    return "".join(str(event.data.content) for event in events if isinstance(event.data, OutputEvent))


def test_a_conversation_from_its_beginning_to_its_end(server: Talking, client: Mistral) -> None:
    talk = client.beta.conversations
    first = talk.start(
        model="fake", inputs="Hi", instructions="Be brief.", name="One", completion_args={"max_tokens": 9}
    )
    [output] = first.outputs
    assert isinstance(output, MessageOutputEntry)
    assert (output.content, output.model, output.role) == ("Bonjour !", "fake", "assistant")
    assert first.usage.total_tokens == len("Be brief.Hi") + len("Bonjour !")
    id = first.conversation_id

    talk.append(conversation_id=id, inputs=[{"role": "user", "content": "Once", "type": "message.input"}])
    talk.append(conversation_id=id, inputs=[MessageInputEntry(role="user", content="more")])
    assert server.prompt == "Be brief.HiBonjour !OnceBonjour !more"
    entries = talk.get_history(conversation_id=id).entries
    assert [entry.content for entry in entries[::2]] == ["Hi", "Once", "more"]  # type: ignore[union-attr]
    assert entries[1] == output
    assert [message.id for message in talk.get_messages(conversation_id=id).messages] == [entry.id for entry in entries]

    shown = talk.get(conversation_id=id)
    assert isinstance(shown, ModelConversation)
    assert (shown.model, shown.instructions, shown.name) == ("fake", "Be brief.", "One")
    talk.delete(conversation_id=id)
    with pytest.raises(SDKError) as refusal:
        talk.get(conversation_id=id)
    assert refusal.value.status_code == 404


def test_streams_tell_named_events(client: Mistral) -> None:
    talk = client.beta.conversations
    with talk.start_stream(model="fake", inputs="Hi") as stream:
        started = list(stream)
    assert isinstance(started[0].data, ResponseStartedEvent)
    id = started[0].data.conversation_id
    with talk.append_stream(conversation_id=id, inputs="More") as stream:
        appended = list(stream)
    entry = talk.get_history(conversation_id=id).entries[1].id
    with talk.restart_stream(conversation_id=id, from_entry_id=str(entry), inputs="Else") as stream:
        restarted = list(stream)
    for events in (started, appended, restarted):
        assert text(events) == "Bonjour !"
        assert isinstance(events[-1].data, ResponseDoneEvent)
        assert events[-1].data.usage.completion_tokens == 9
        assert [event.event for event in events] == [event.data.type for event in events]
    assert isinstance(restarted[0].data, ResponseStartedEvent)
    assert restarted[0].data.conversation_id != id


async def test_async(server: Talking) -> None:
    async with server.mistral() as client:
        talk = client.beta.conversations
        first = await talk.start_async(model="fake", inputs="Hi")
        id = first.conversation_id
        stream = await talk.append_stream_async(conversation_id=id, inputs="More")
        async with stream:
            assert text([event async for event in stream]) == "Bonjour !"
        other = await talk.restart_async(
            conversation_id=id, from_entry_id=str(first.outputs[0].id), inputs="Else", metadata={"restarted": True}
        )
        assert server.prompt == "HiBonjour !Else"
        assert len((await talk.get_history_async(conversation_id=id)).entries) == 4
        assert len((await talk.get_messages_async(conversation_id=other.conversation_id)).messages) == 4
        found = await talk.list_async(metadata={"restarted": True})
        assert [conversation.id for conversation in found] == [other.conversation_id]
        await talk.delete_async(conversation_id=id)


def test_what_is_not_kept_can_be_sent_back(server: Talking, client: Mistral) -> None:
    talk = client.beta.conversations
    first = talk.start(model="fake", inputs="Hi", store=False)
    with pytest.raises(SDKError):
        talk.get_history(conversation_id=first.conversation_id)
    said = [
        MessageInputEntry(role="user", content="Hi"),
        *first.outputs,
        MessageInputEntry(role="user", content="More"),
    ]
    talk.start(model="fake", inputs=said, store=False)
    assert server.prompt == "HiBonjour !More"


def test_a_prefix_is_gone_on_with(server: Talking, client: Mistral) -> None:
    inputs: list[Any] = [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}], "type": "message.input"},
        {"role": "assistant", "content": "Bon", "prefix": True, "type": "message.input"},
    ]
    server.will_say(b"jour")
    first = client.beta.conversations.start(model="fake", inputs=inputs)
    client.beta.conversations.append(conversation_id=first.conversation_id, inputs="More")
    assert server.prompt == "HiBonjourMore"


def test_refusals(client: Mistral) -> None:
    talk = client.beta.conversations
    for asked, param in (
        ({"model": "fake", "tools": [{"type": "web_search"}]}, "tools"),
        ({"model": "fake", "tools": [{"type": "code_interpreter"}]}, "tools"),
        ({"model": "fake", "guardrails": [{"block_on_error": True}]}, "guardrails"),
        ({"model": "fake", "agent_id": "ag_1"}, "model"),
        ({"model": "fake", "completion_args": {"temperature": 9}}, "completion_args.temperature"),
    ):
        with pytest.raises(HTTPValidationError) as refusal:
            talk.start(inputs="Hi", **asked)  # type: ignore[arg-type]
        assert param in str(refusal.value)


def test_a_failure_in_the_middle_of_a_stream(tmp_path: Path) -> None:
    with talking(tmp_path, fails_after=3) as server, server.mistral() as client:
        with client.beta.conversations.start_stream(model="fake", inputs="Hi") as stream:
            events = list(stream)
        assert text(events) == "Bon"
        failure = events[-1].data
        assert isinstance(failure, ResponseErrorEvent)
        assert failure.code == 503
        with pytest.raises(SDKError) as refusal:
            client.beta.conversations.start(model="fake", inputs="Hi")
        assert refusal.value.status_code == 503
        with pytest.raises(SDKError) as refusal:
            client.beta.conversations.start_stream(model="fake", inputs="x" * 5000)
        assert refusal.value.status_code == 400


def test_an_agent_from_its_beginning_to_its_end(server: Talking, client: Mistral) -> None:
    agents = client.beta.agents
    agent = agents.create(
        model="fake",
        name="Traducteur",
        instructions="Traduis.",
        description="It translates.",
        completion_args={"temperature": 0.3, "max_tokens": 100, "stop": ["\n\n"]},
        metadata={"team": "a"},
        version_message="the first",
    )
    assert (agent.version, agent.versions, agent.source) == (0, [0], "api")
    changed = agents.update(agent_id=agent.id, instructions="Traduis mieux.", version_message="the second")
    assert (changed.version, changed.instructions, changed.name) == (1, "Traduis mieux.", "Traducteur")
    assert agents.update(agent_id=agent.id, instructions="Traduis mieux.").version == 1
    assert agents.get(agent_id=agent.id) == changed
    assert agents.get(agent_id=agent.id, agent_version=0).instructions == "Traduis."
    assert agents.get_version(agent_id=agent.id, version="0").version_message == "the first"
    assert [version.version for version in agents.list_versions(agent_id=agent.id)] == [1, 0]

    assert agents.create_version_alias(agent_id=agent.id, alias="stable", version=0).version == 0
    assert agents.get(agent_id=agent.id, agent_version="stable").version == 0
    assert [alias.alias for alias in agents.list_version_aliases(agent_id=agent.id)] == ["stable"]
    assert agents.update_version(agent_id=agent.id, version=0).instructions == "Traduis."

    talk = client.beta.conversations
    first = talk.start(agent_id=agent.id, inputs="Hi")
    assert server.prompt == "Traduis.Hi"
    [output] = first.outputs
    assert isinstance(output, MessageOutputEntry)
    assert output.agent_id == agent.id
    shown = talk.get(conversation_id=first.conversation_id)
    assert isinstance(shown, AgentConversation)
    assert shown.agent_id == agent.id
    talk.start(agent_id=agent.id, agent_version=1, inputs="Hi")
    assert server.prompt == "Traduis mieux.Hi"

    agents.delete_version_alias(agent_id=agent.id, alias="stable")
    agents.delete(agent_id=agent.id)
    for gone in (lambda: agents.get(agent_id=agent.id), lambda: talk.start(agent_id=agent.id, inputs="Hi")):
        with pytest.raises(SDKError) as refusal:
            gone()
        assert refusal.value.status_code == 404
    assert len(talk.get_history(conversation_id=first.conversation_id).entries) == 2


async def test_agents_async_and_in_pages(server: Talking) -> None:
    async with server.mistral() as client:
        agents, label = client.beta.agents, {"pages": True}
        made = [await agents.create_async(model="fake", name=f"n{number}", metadata=label) for number in range(5)]
        with pytest.deprecated_call():
            listed = await agents.list_async(metadata=label, page_size=2, page=1)
        assert [agent.name for agent in listed] == ["n2", "n1"]
        seen, page = [], await agents.list_pages_async(metadata=label, page_size=2)
        while page is not None:
            seen += [agent.id for agent in page.result.data]
            page = await page.next()  # type: ignore[assignment, misc]
        assert seen == [agent.id for agent in made[::-1]]
        assert (await agents.list_pages_async(search=made[0].id)).result.data == made[:1]


def test_another_workspace_finds_nothing(server: Talking, client: Mistral) -> None:
    agent = client.beta.agents.create(model="fake", name="Ours")
    first = client.beta.conversations.start(agent_id=agent.id, inputs="Hi")
    with server.mistral("bert") as other:
        for asked in (
            lambda: other.beta.conversations.get(conversation_id=first.conversation_id),
            lambda: other.beta.conversations.append(conversation_id=first.conversation_id, inputs="?"),
            lambda: other.beta.conversations.append_stream(conversation_id=first.conversation_id, inputs="?"),
            lambda: other.beta.conversations.start(agent_id=agent.id, inputs="?"),
            lambda: other.beta.agents.get(agent_id=agent.id),
        ):
            with pytest.raises(SDKError) as refusal:
                asked()
            assert refusal.value.status_code == 404
        assert other.beta.conversations.list() == []
        assert other.beta.agents.list_pages().result.data == []


def test_completion_args_predict_and_reason(server: Talking, client: Mistral) -> None:
    args = CompletionArgs(prediction=Prediction(content="Bonjour"), reasoning_effort="high")
    agent = client.beta.agents.create(model="fake", name="Guesser", completion_args=args)
    client.beta.conversations.start(agent_id=agent.id, inputs="Hi")
    assert bytes(server.house.generator.requests[-1].expected) == b"Bonjour"
    assert server.template.effort == "high"
    own = CompletionArgs(reasoning_effort="low")
    client.beta.conversations.start(agent_id=agent.id, inputs="Hi", completion_args=own)  # type: ignore[arg-type]
    assert (server.template.effort, bytes(server.house.generator.requests[-1].expected)) == ("low", b"Bonjour")
