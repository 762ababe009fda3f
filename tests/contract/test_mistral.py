"""The official Mistral client, unchanged, against a server that runs the default model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mistralai.client import Mistral
from mistralai.client.models import CompletionChunk, UserMessage
from tests.contract.clients import mistral

MODEL = "smollm2-135m-instruct"
ALIAS = "mistral-small-latest"
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Mistral]:
    with mistral(server) as client:
        yield client


def text(chunks: list[CompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)  # type: ignore[misc]


def test_a_whole_answer(client: Mistral) -> None:
    answer = client.chat.complete(model=MODEL, messages=QUESTION, temperature=0, max_tokens=16)
    choice = answer.choices[0]
    assert isinstance(choice.message.content, str)
    assert len(choice.message.content) > 10
    assert choice.message.role == "assistant"
    assert choice.finish_reason in ("stop", "length")
    assert answer.model == MODEL
    assert answer.usage.prompt_tokens > 10
    assert 1 <= answer.usage.completion_tokens <= 16
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_says_the_same_and_its_last_chunk_counts(client: Mistral) -> None:
    asked = {"model": ALIAS, "messages": QUESTION, "temperature": 0, "max_tokens": 12}
    whole = client.chat.complete(**asked)
    with client.chat.stream(**asked) as stream:
        chunks = [event.data for event in stream]
    assert len(chunks) > 3
    assert text(chunks) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


async def test_async(server: str) -> None:
    asked = {"model": MODEL, "messages": [UserMessage(content="Say hello.")], "random_seed": 7, "max_tokens": 8}
    async with mistral(server) as client:
        whole = await client.chat.complete_async(**asked)
        async with await client.chat.stream_async(**asked) as stream:
            chunks = [event.data async for event in stream]
        assert len((await client.models.list_async()).data or []) > 0
        assert (await client.models.retrieve_async(model_id=MODEL)).id == MODEL
    assert text(chunks) == whole.choices[0].message.content != ""


def test_every_way_to_choose_tokens(client: Mistral) -> None:
    answer = client.chat.complete(
        model=MODEL,
        messages=[
            {"role": "system", "content": "You are terse."},
            {"role": "user", "content": [{"type": "text", "text": "Count to ten."}]},
            {"role": "assistant", "content": "1, 2, 3,", "prefix": True},
        ],
        temperature=0.5,
        top_p=0.9,
        max_tokens=6,
        stop=["zzz"],
        random_seed=3,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        n=2,
        safe_prompt=False,
        parallel_tool_calls=True,
        metadata={"ticket": 42},
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.usage.completion_tokens <= 12


def test_a_stop_string(client: Mistral) -> None:
    messages = [{"role": "user", "content": "Write the numbers from 1 to 10."}]
    answer = client.chat.complete(model=MODEL, messages=messages, temperature=0, max_tokens=30, stop="3")
    assert "3" not in str(answer.choices[0].message.content)
    assert answer.choices[0].finish_reason == "stop"


def test_equal_seeds_give_equal_answers(client: Mistral) -> None:
    def say(seed: int) -> object:
        asked = {"model": MODEL, "messages": QUESTION, "temperature": 1, "max_tokens": 10, "random_seed": seed}
        return client.chat.complete(**asked).choices[0].message.content

    assert say(5) == say(5) != say(6)


def test_leaving_a_stream_early_is_no_trouble(client: Mistral) -> None:
    with client.chat.stream(model=MODEL, messages=QUESTION) as stream:
        assert next(iter(stream)).data.choices
    assert client.chat.complete(model=MODEL, messages=QUESTION, max_tokens=1).choices


def test_models(client: Mistral) -> None:
    listing = client.models.list()
    assert MODEL in [card.id for card in listing.data or []]
    card = client.models.retrieve(model_id=ALIAS)
    assert card.id == MODEL
    assert card.capabilities.completion_chat
    assert card.max_context_length == 8192
    assert ALIAS in card.aliases
