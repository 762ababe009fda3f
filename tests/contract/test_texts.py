"""Completions, code completions, embeddings, tokens and models, as the official clients ask for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import httpx2
import numpy as np
import openai as openai_package
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import HTTPValidationError
from openai import OpenAI
from tests.contract.clients import async_openai, mistral, openai

MODEL = "smollm2-135m-instruct"
ENCODER = "universal-sentence-encoder-multilingual"
PROMPT = "The capital of France is"
NEAR = ["Le chat dort sur le canapé.", "The cat sleeps on the sofa.", "Les taux d'intérêt ont monté en mars."]


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[OpenAI]:
    with openai(server) as client:
        yield client


@pytest.fixture(scope="module")
def mistral_client(server: str) -> Iterator[Mistral]:
    with mistral(server) as client:
        yield client


def test_a_completion_whole_and_streamed(client: OpenAI) -> None:
    asked = {"model": MODEL, "prompt": PROMPT, "temperature": 0, "max_tokens": 8}
    whole = client.completions.create(**asked, logprobs=2)
    (choice,) = whole.choices
    assert "Paris" in choice.text
    assert whole.object == "text_completion"
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 8
    assert choice.finish_reason == "length"
    assert choice.logprobs is not None
    assert "".join(choice.logprobs.tokens or []) == choice.text
    assert choice.logprobs.text_offset is not None
    assert choice.logprobs.text_offset[:2] == [0, len((choice.logprobs.tokens or [])[0])]
    assert all(len(top) == 2 for top in choice.logprobs.top_logprobs or [])
    chunks = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == choice.text
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


def test_completions_of_several_prompts(client: OpenAI) -> None:
    asked = {"model": MODEL, "n": 2, "echo": True, "max_tokens": 3, "seed": 5}
    both = client.completions.create(**asked, prompt=["One, two,", "Un, deux,"])
    alone = client.completions.create(**asked, prompt="Un, deux,")
    assert [choice.index for choice in both.choices] == [0, 1, 2, 3]
    assert [choice.text for choice in both.choices[2:]] == [choice.text for choice in alone.choices]
    assert all(choice.text.startswith("One, two,") for choice in both.choices[:2])


def test_token_ids_in_and_out(client: OpenAI, server: str) -> None:
    tokens = httpx2.post(f"{server}/v1/tokenize", json={"model": MODEL, "prompt": PROMPT}).json()["tokens"]
    asked = {"model": MODEL, "temperature": 0, "max_tokens": 6}
    by_text = client.completions.create(**asked, prompt=PROMPT, extra_body={"return_token_ids": True})
    by_ids = client.completions.create(**asked, prompt=tokens)
    assert by_ids.choices[0].text == by_text.choices[0].text
    told = by_text.choices[0].model_extra
    assert told is not None
    assert told["prompt_token_ids"] == tokens
    back = httpx2.post(f"{server}/v1/detokenize", json={"model": MODEL, "tokens": told["token_ids"]})
    assert back.json()["prompt"] == by_text.choices[0].text


async def test_completions_async(server: str) -> None:
    async with async_openai(server) as client:
        asked = {"model": MODEL, "prompt": PROMPT, "seed": 7, "max_tokens": 6, "stop": ["."]}
        whole = await client.completions.create(**asked)
        stream = await client.completions.create(**asked, stream=True)
        assert "".join([chunk.choices[0].text async for chunk in stream]) == whole.choices[0].text


def test_the_likeliest_of_several_is_told(client: OpenAI) -> None:
    asked: Any = {"model": MODEL, "prompt": [PROMPT, "Once"], "seed": 3, "temperature": 1.5, "max_tokens": 5}
    all_of_them = client.completions.create(**asked, n=4, logprobs=0).choices
    chosen = client.completions.create(**asked, n=2, best_of=4)
    likely = []
    for first in (0, 4):
        rivals = sorted(all_of_them[first : first + 4], key=lambda choice: -np.mean(choice.logprobs.token_logprobs))
        likely += [choice.text for choice in rivals[:2]]
    assert [choice.text for choice in chosen.choices] == likely
    assert [(choice.index, choice.logprobs) for choice in chosen.choices] == [(index, None) for index in range(4)]
    assert chosen.usage is not None
    assert chosen.usage.completion_tokens > 4 * 5  # those of all that were written


def test_what_is_not_implemented_is_named(client: OpenAI) -> None:
    for wrong in ({"best_of": 1, "n": 2}, {"best_of": 3, "stream": True}):
        with pytest.raises(openai_package.UnprocessableEntityError, match="best_of"):
            client.completions.create(model=MODEL, prompt=PROMPT, **wrong)
    with pytest.raises(openai_package.UnprocessableEntityError, match="echo"):
        client.completions.create(model=MODEL, prompt=PROMPT, echo=True, logprobs=1)


def test_code_completion_by_a_model_that_was_not_trained_for_it(mistral_client: Mistral) -> None:
    with pytest.raises(HTTPValidationError, match=r"was not trained to fill.*codestral"):
        mistral_client.fim.complete(model=MODEL, prompt="def f(x):\n    return ", suffix="\n", min_tokens=1)
    with pytest.raises(HTTPValidationError, match="codestral"):
        mistral_client.fim.stream(model=MODEL, prompt="def f(x):", suffix="\n")


def test_code_completion(scripted: str) -> None:
    with mistral(scripted) as client:
        asked = {"model": "fills", "prompt": "a = ", "suffix": "\n", "max_tokens": 20, "stop": ["\n"]}
        whole = client.fim.complete(**asked, random_seed=1, temperature=0.2, top_p=0.9, metadata={"a": 1})
        assert whole.choices[0].message.content == "echo of 8 tokens"
        assert (whole.usage.prompt_tokens, whole.choices[0].finish_reason) == (8, "stop")
        with client.fim.stream(**asked) as stream:
            chunks = [event.data for event in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "echo of 8 tokens"
        assert chunks[-1].usage is not None


def cosine(a: list[float], b: list[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("model", [ENCODER, "mistral-embed", "text-embedding-3-small"])
def test_embeddings_by_openai(client: OpenAI, model: str) -> None:
    answer = client.embeddings.create(model=model, input=NEAR)  # asks for base64, and reads it
    first, second, third = (each.embedding for each in answer.data)
    assert (answer.model, answer.object, len(first)) == (ENCODER, "list", 512)
    assert cosine(first, second) > 0.6 > 0.4 > cosine(first, third)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 20
    plain = client.embeddings.create(model=model, input=NEAR, encoding_format="float", dimensions=512)
    assert plain.data[0].embedding == pytest.approx(first, abs=1e-6)


def test_embeddings_by_mistral(mistral_client: Mistral) -> None:
    answer = mistral_client.embeddings.create(model="mistral-embed", inputs=NEAR)
    assert (answer.model, answer.usage.prompt_tokens) == (ENCODER, answer.usage.total_tokens)
    assert [each.index for each in answer.data] == [0, 1, 2]
    first = answer.data[0].embedding
    assert first is not None
    assert cosine(first, first) == pytest.approx(1, abs=1e-4)
    for dtype, length in (("int8", 512), ("uint8", 512), ("binary", 64), ("ubinary", 64)):
        short = mistral_client.embeddings.create(
            model="mistral-embed", inputs="chat", output_dtype=dtype, output_dimension=512, metadata={"a": 1}
        )
        assert len(short.data[0].embedding or []) == length
    with pytest.raises(HTTPValidationError, match="not trained for shorter"):
        mistral_client.embeddings.create(model="mistral-embed", inputs="chat", output_dimension=64)


def test_embeddings_by_the_model_that_chats(client: OpenAI) -> None:
    answer = client.embeddings.create(model=MODEL, input=["one", "two", "one"])
    first, second, third = (each.embedding for each in answer.data)
    assert (answer.model, len(first)) == (MODEL, 576)
    assert cosine(first, first) == pytest.approx(1, abs=1e-4)
    assert cosine(first, third) > 0.999 > cosine(first, second)


async def test_embeddings_async(server: str) -> None:
    async with async_openai(server) as client, mistral(server) as other:
        ours = await client.embeddings.create(model="mistral-embed", input="chat")
        theirs = await other.embeddings.create_async(model="mistral-embed", inputs="chat")
    assert theirs.data[0].embedding == pytest.approx(ours.data[0].embedding, abs=1e-6)


def test_a_text_that_is_too_long_is_refused(client: OpenAI) -> None:
    with pytest.raises(openai_package.BadRequestError, match="nothing is cut off"):
        client.embeddings.create(model="mistral-embed", input="chat " * 9000)


def test_cards(client: OpenAI, mistral_client: Mistral) -> None:
    listing = {card.id: card for card in mistral_client.models.list().data or []}
    writer, encoder = listing[MODEL], listing[ENCODER]
    assert (writer.capabilities.completion_chat, writer.capabilities.completion_fim) == (True, False)
    assert (encoder.capabilities.completion_chat, encoder.capabilities.vision) == (False, False)
    assert writer.max_context_length == 8192
    assert "mistral-embed" in (encoder.aliases or [])
    assert encoder.default_model_temperature is None
    cards = {card.id: card for card in client.models.list()}
    assert (cards[MODEL].owned_by, cards[ENCODER].owned_by) == ("HuggingFaceTB", "google")
    extra = cards[ENCODER].model_extra
    assert extra is not None
    assert (extra["licence"], extra["capabilities"]["embeddings"]) == ("Apache-2.0", True)
    assert client.models.retrieve("text-embedding-3-large").id == ENCODER
