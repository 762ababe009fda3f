"""Reasoning as `mistralai` reads it, and sends it back."""

from __future__ import annotations

import json
from typing import Any

from mistralai.client.models import TextChunk, ThinkChunk
from tests.contract.clients import mistral
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
