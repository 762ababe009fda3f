"""Reasoning as each client reads it, and sends it back: in chunks of the content, or in a field of its own."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from mistralai.client.models import TextChunk, ThinkChunk
from tests.contract.clients import async_openai, mistral, openai
from tests.contract.scripted import ECHO, THINKS

ASK: Any = [{"role": "user", "content": "<think>Why?</think>So."}]


def said(chunks: Any) -> tuple[str, str]:
    """What was thought, and what was said."""
    thoughts = [text.text for chunk in chunks if isinstance(chunk, ThinkChunk) for text in chunk.thinking]
    return "".join(thoughts), "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk))


def test_a_whole_answer_has_chunks(scripted: str) -> None:
    with mistral(scripted) as client:
        message = client.chat.complete(model=THINKS, messages=ASK).choices[0].message
        assert message is not None
        assert said(message.content) == ("Why?", "So.")
        # A model that reads text leaves an earlier answer's reasoning out; a further question can be asked.
        again = client.chat.complete(model=THINKS, messages=[*ASK, message, {"role": "user", "content": "?"}])
        assert again.choices[0].message


def test_a_stream_has_reasoning_first(scripted: str) -> None:
    with mistral(scripted) as client, client.chat.stream(model=THINKS, messages=ASK) as stream:
        contents = [event.data.choices[0].delta.content for event in stream]
    chunks = [chunk for content in contents if isinstance(content, list) for chunk in content]
    assert said(chunks) == ("Why?", "")
    assert len(chunks) > 1
    assert "".join(content for content in contents if isinstance(content, str)) == "So."


def test_fields_of_reasoning_are_done_or_refused(scripted: str) -> None:
    with mistral(scripted) as client:
        for effort in ("none", "low", "high"):
            assert client.chat.complete(model=THINKS, messages=ASK, reasoning_effort=effort).choices
        assert client.chat.complete(model=THINKS, messages=ASK, prompt_mode="reasoning").choices
        assert client.chat.complete(model=ECHO, messages=ASK, reasoning_effort="none", prompt_mode=None).choices
        prediction: Any = {"type": "content", "content": json.dumps({"a": 1})}
        assert client.chat.complete(model=ECHO, messages=ASK, prediction=prediction, safe_prompt=False).choices


def test_openai_reads_a_text_and_a_field_beside_it(scripted: str) -> None:
    with openai(scripted) as client:
        message = client.chat.completions.create(model=THINKS, messages=ASK).choices[0].message
        assert (message.content, message.reasoning_content) == ("So.", "Why?")  # type: ignore[attr-defined]
        usage = client.chat.completions.create(model=THINKS, messages=ASK).usage
        assert usage is not None
        assert usage.completion_tokens_details is not None
        assert usage.completion_tokens_details.reasoning_tokens == len("<think>Why?</think>") - len("<think")
        again: Any = [*ASK, message, {"role": "user", "content": "?"}]  # the client sends back all that it got
        assert client.chat.completions.create(model=THINKS, messages=again).choices[0].message.content
        plain = client.chat.completions.create(model=ECHO, messages=ASK).choices[0].message
        assert not hasattr(plain, "reasoning_content")


async def test_openai_streams_it_first(scripted: str) -> None:
    async with async_openai(scripted) as client:
        stream = await client.chat.completions.create(model=THINKS, messages=ASK, stream=True)
        deltas = [chunk.choices[0].delta async for chunk in stream]
    thoughts = [getattr(delta, "reasoning_content", None) or "" for delta in deltas]
    texts = [delta.content or "" for delta in deltas]
    assert ("".join(thoughts), "".join(texts)) == ("Why?", "So.")
    assert max(n for n, thought in enumerate(thoughts) if thought) < min(n for n, text in enumerate(texts) if text)


def test_who_is_nobodys_client_gets_a_text(scripted: str) -> None:
    answer = httpx2.post(f"{scripted}/v1/chat/completions", json={"model": THINKS, "messages": ASK}).json()
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "So.", "reasoning_content": "Why?"}
