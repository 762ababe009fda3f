"""What a turn needs of a model: a port, and the pieces that an answer comes in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.messages import Message
from galerne.protocol.tools import Tool


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked. The turn sets every field."""

    id: str  # of the answer: what is on record of it is found by this
    model: str
    messages: Sequence[Message]
    tools: Sequence[Tool]
    completion_args: CompletionArgs


@dataclass(frozen=True, slots=True)
class Accepted:
    """The first piece: the question can be answered; it is on its way."""


@dataclass(frozen=True, slots=True)
class Thought:
    """More of what the model thinks before it speaks."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """More of what the model says."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """More of a call of a function. The first piece of one has its id and its name."""

    number: int  # among the answer's calls
    arguments: str  # a piece of JSON
    id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The last piece."""

    cut: bool  # by the limit of its length
    prompt_tokens: int
    cached_tokens: int  # of the prompt
    completion_tokens: int
    reasoning_tokens: int = 0  # of those


AnswerPiece = Accepted | Thought | Text | Call | Finished


class Answers(Protocol):
    """Answers questions for one caller."""

    def answer(self, question: Question) -> AsyncGenerator[AnswerPiece]:
        """Raises what a chat raises: `ModelNotFound`, `InvalidRequest`, `PromptTooLong`, ... before the first piece,
        `Unavailable` at any time. Closing it stops the model."""
