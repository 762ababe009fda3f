"""Responses as the official OpenAI client speaks of them, unchanged; and as the Mistral client does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai import APIStatusError, BadRequestError, NotFoundError, OpenAI, UnprocessableEntityError
from openai.types.responses import ResponseOutputMessage
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
def client(server: Talking) -> Iterator[OpenAI]:
    with server.openai() as client:
        yield client


def test_a_response_from_its_beginning_to_its_end(server: Talking, client: OpenAI) -> None:
    first = client.responses.create(
        model="fake", input="Hi", instructions="Be brief.", temperature=0.5, metadata={"a": "b"}, user="someone"
    )
    assert (first.output_text, first.status, first.error) == ("Bonjour !", "completed", None)
    assert (first.instructions, first.temperature, first.metadata, first.user) == (
        "Be brief.",
        0.5,
        {"a": "b"},
        "someone",
    )
    assert first.usage is not None
    assert (first.usage.input_tokens, first.usage.output_tokens) == (len("Be brief.Hi"), len("Bonjour !"))
    assert client.responses.retrieve(first.id) == first

    second = client.responses.create(model="fake", input="More", previous_response_id=first.id)
    assert server.prompt == "HiBonjour !More"
    items = client.responses.input_items.list(second.id, limit=2)
    assert [item.id for item in items] == [item.id for item in client.responses.input_items.list(second.id)]
    assert [item.role for item in client.responses.input_items.list(second.id, order="asc")] == [  # type: ignore[union-attr]
        "user",
        "assistant",
        "user",
    ]
    client.responses.delete(first.id)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(first.id)
    assert client.responses.retrieve(second.id) == second


def test_a_stream_and_the_helper_that_puts_it_together(client: OpenAI) -> None:
    events = list(client.responses.create(model="fake", input="Hi", stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Bonjour !"
    assert events[-1].type == "response.completed"
    assert client.responses.retrieve(events[-1].response.id) == events[-1].response
    with client.responses.stream(model="fake", input="Hi") as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        assert stream.get_final_response().output_text == snapshots[-1] == "Bonjour !"


async def test_async(server: Talking) -> None:
    async with server.async_openai() as client:
        first = await client.responses.create(model="fake", input="Hi")
        events = [event async for event in await client.responses.create(model="fake", input="Hi", stream=True)]
        assert events[-1].type == "response.completed"
        assert (await client.responses.retrieve(first.id)).output_text == "Bonjour !"
        assert [item.id async for item in await client.responses.input_items.list(first.id)] != []
        await client.responses.delete(first.id)


def test_what_was_said_can_be_sent_back(server: Talking, client: OpenAI) -> None:
    first = client.responses.create(model="fake", input="Hi", store=False)
    said: list[Any] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        *first.output,
        {"role": "user", "content": "More"},
    ]
    client.responses.create(model="fake", input=said, store=False)
    assert server.prompt == "Be brief.HiBonjour !More"
    with pytest.raises(NotFoundError):
        client.responses.retrieve(first.id)


def test_the_background(client: OpenAI) -> None:
    begun = client.responses.create(model="fake", input="Hi", background=True)
    assert begun.status in ("queued", "in_progress")
    while (found := client.responses.retrieve(begun.id)).status == "in_progress":
        pass
    assert found.output_text == "Bonjour !"
    assert client.responses.cancel(begun.id).status == "completed"


def test_an_answer_at_its_limit(client: OpenAI) -> None:
    response = client.responses.create(model="fake", input="Hi", max_output_tokens=3)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    [message] = response.output
    assert isinstance(message, ResponseOutputMessage)
    assert message.status == "incomplete"


def test_refusals(server: Talking, client: OpenAI) -> None:
    with pytest.raises(BadRequestError):
        client.responses.create(model="fake", input="x" * 5000)
    with pytest.raises(NotFoundError):
        client.responses.create(model="none", input="Hi")
    for field, value in (
        ("tools", [{"type": "web_search"}]),
        ("include", ["message.output_text.logprobs"]),
        ("truncation", "auto"),
        ("prompt", {"id": "pmpt_1"}),
        ("service_tier", "flex"),
    ):
        with pytest.raises(UnprocessableEntityError) as refusal:
            client.responses.create(model="fake", input="Hi", **{field: value})  # type: ignore[call-overload]
        assert field in str(refusal.value)
    mine = client.responses.create(model="fake", input="Hi")
    with server.openai("bert") as other:
        for asked in (other.responses.retrieve, other.responses.delete, other.responses.cancel):
            with pytest.raises(NotFoundError):
                asked(mine.id)


def test_the_mistral_client_asks_for_responses_too(server: Talking) -> None:
    with server.mistral() as client:
        response = client.responses.create(model="fake", input="Hi", instructions="Be brief.")
        assert server.prompt == "Be brief.Hi"
        assert (response.status, response.output[0].content[0].text) == ("completed", "Bonjour !")  # type: ignore[union-attr]
        with client.responses.create(model="fake", input="Hi", stream=True) as stream:  # type: ignore[union-attr]
            assert [frame.event for frame in stream][-1] == "response.completed"


def test_the_tokens_of_an_input_are_counted_before_they_cost(server: Talking, client: OpenAI) -> None:
    first = client.responses.create(model="fake", input="Hi", instructions="Be brief.")
    asked: Any = {"model": "fake", "input": "And?", "instructions": "Be kind.", "previous_response_id": first.id}
    before = len(server.house.generator.requests)
    counted = client.responses.input_tokens.count(**asked)
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", len("Be kind.HiBonjour !And?"))
    assert len(server.house.generator.requests) == before  # nothing was asked of the model
    answered = client.responses.create(**asked).usage
    assert answered is not None
    assert answered.input_tokens == counted.input_tokens
    assert client.responses.input_tokens.count(model="fake", input="x" * 5000).input_tokens == 5000  # more than fit
    for wrong, status in ({"input": 1}, 422), ({"model": "none"}, 404), ({"previous_response_id": "resp_none"}, 404):
        with pytest.raises(APIStatusError) as refusal:
            client.responses.input_tokens.count(**asked | wrong)
        assert refusal.value.status_code == status


def test_how_much_to_reason_is_told_to_the_model(server: Talking, client: OpenAI) -> None:
    response = client.responses.create(model="fake", input="Hi", reasoning={"effort": "low"})
    assert response.reasoning is not None
    assert response.reasoning.effort == "low"
    assert server.template.effort == "low"
