"""Whose client asks, where the form of an answer depends on it. It says so itself, in its `User-Agent`.

A client that is neither Mistral's nor OpenAI's gets what each program can read: the content as one text, calls whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Dialect:
    """`dialect_of` sets every field."""

    thinks_in_content: bool = False
    """Reasoning is a chunk of the content, as Mistral's servers send it; else a field of its own (`reasoning_content`),
    as DeepSeek's and vLLM's do."""

    joins_calls: bool = False
    """The client puts calls of tools together from pieces. Mistral's, and what is built on them, take the first piece
    for the whole call."""


ANYBODY = Dialect()


def dialect_of(http: Request) -> Dialect:
    agent = http.headers.get("user-agent", "").lower()
    return Dialect(thinks_in_content="mistral" in agent, joins_calls="openai" in agent)
