"""The official OpenAI client, unchanged, against a server that runs the default model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI
from tests.contract.clients import async_openai, openai

MODEL = "smollm2-135m-instruct"
ALIAS = "gpt-4o-mini"
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[OpenAI]:
    with openai(server) as client:
        yield client


def test_a_whole_answer(client: OpenAI) -> None:
    answer = client.chat.completions.create(model=ALIAS, messages=QUESTION, temperature=0, max_tokens=16)
    choice = answer.choices[0]
    assert len(choice.message.content or "") > 10
    assert choice.message.role == "assistant"
    assert choice.finish_reason in ("stop", "length")
    assert (answer.model, answer.object) == (MODEL, "chat.completion")
    assert answer.system_fingerprint is not None
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details is not None
    assert answer._request_id is not None


def test_a_stream_says_the_same(client: OpenAI) -> None:
    asked = {"model": MODEL, "messages": QUESTION, "temperature": 0, "max_completion_tokens": 12}
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}) as stream:
        *chunks, last = list(stream)
    assert len(chunks) > 3
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert last.choices == []
    assert last.usage.completion_tokens == whole.usage.completion_tokens


def test_the_helper_that_puts_a_stream_together(client: OpenAI) -> None:
    with client.chat.completions.stream(model=MODEL, messages=QUESTION, seed=1, stop=["e"]) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content != ""


async def test_async(server: str) -> None:
    async with async_openai(server) as client:
        asked = {"model": MODEL, "messages": QUESTION, "seed": 7, "max_tokens": 8}
        whole = await client.chat.completions.create(**asked)
        stream = await client.chat.completions.create(**asked, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert text == whole.choices[0].message.content != ""
        assert MODEL in [card.id async for card in client.models.list()]


def test_every_way_to_choose_tokens(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "developer", "content": "You are terse."},
            {"role": "user", "content": [{"type": "text", "text": "Count to ten."}], "name": None},
        ],
        temperature=0.5,
        top_p=0.9,
        max_completion_tokens=6,
        stop=["zzz"],
        seed=3,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        logit_bias={"5": -100},
        logprobs=True,
        top_logprobs=3,
        n=2,
        user="somebody",
        metadata={"ticket": "42"},
        store=False,
        service_tier="auto",
        response_format={"type": "text"},
        extra_body={"min_p": 0.02, "top_k": 40, "repetition_penalty": 1.05},
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    for choice in answer.choices:
        assert choice.logprobs is not None
        tokens = choice.logprobs.content
        assert tokens is not None
        assert all(token.logprob <= 0 and len(token.top_logprobs) == 3 for token in tokens)
        assert b"".join(bytes(token.bytes or []) for token in tokens).decode().startswith(choice.message.content or "")


def test_a_conversation_goes_on(client: OpenAI) -> None:
    first = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, max_tokens=8)
    again = [*QUESTION, first.choices[0].message, {"role": "user", "content": "And of Italy?"}]
    answer = client.chat.completions.create(model=MODEL, messages=again, temperature=0, max_tokens=8)
    assert answer.usage.prompt_tokens_details.cached_tokens > 0


def test_models(client: OpenAI) -> None:
    assert MODEL in [card.id for card in client.models.list()]
    card = client.models.retrieve(ALIAS)
    assert (card.id, card.object, card.owned_by) == (MODEL, "model", "HuggingFaceTB")
    assert card.created > 0


def test_raw_responses(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=QUESTION, max_tokens=1, extra_headers={"x-request-id": "mine"}
    )
    assert raw.request_id == "mine"
    assert raw.parse().choices
