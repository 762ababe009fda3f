"""What an asker gets: an `AnswerStart`, for each choice some deltas and a `ChoiceEnd`, and an `AnswerEnd`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from galerne.engine.events import Work
from galerne.protocol.answers import TokenLogprob


@dataclass(frozen=True, slots=True)
class Prompt:
    """What answers go on from. The flow that asks sets every field."""

    tokens: Sequence[int]
    where: str  # the field that it comes from
    continues: bool  # answers go on within a text: their first space belongs to it
    echo: str = ""  # what is shown before each answer
    stop_tokens: frozenset[int] = frozenset()  # that end an answer, besides the model's own


@dataclass(frozen=True, slots=True)
class AnswerStart:
    """The request can be done; it is on its way to the engine."""

    id: str
    created: int  # seconds since 1970
    model: str
    fingerprint: str
    prompts: Sequence[Prompt]

    @property
    def prompt_tokens(self) -> int:
        """Of all prompts."""
        return sum(len(prompt.tokens) for prompt in self.prompts)


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A token of an answer whose text is out."""

    token: int
    start: int  # where its text begins, in characters of the choice's own text
    logprob: TokenLogprob | None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of a choice."""

    index: int
    text: str
    tokens: tuple[ShownToken, ...] = ()  # whose text is out by now, if they were asked for

    @property
    def logprobs(self) -> list[TokenLogprob]:
        return [shown.logprob for shown in self.tokens if shown.logprob is not None]


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More of a choice's reasoning, which comes before its text."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """More of a call of a tool. The first piece of one has its id and its name, the others more of its arguments."""

    index: int  # of the choice
    call: int  # of the choice's calls, from 0
    arguments: str = ""  # a piece of JSON
    id: str | None = None
    name: str | None = None


Delta = TextDelta | ThinkingDelta | CallDelta


@dataclass(frozen=True, slots=True)
class ChoiceEnd:
    """A choice is complete."""

    index: int
    reason: Literal["stop", "length", "tool_calls"]
    work: Work
    reasoning_tokens: int = 0  # of those that were generated


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """All choices are. A prompt counts once, however many choices it has."""

    prompt_tokens: int
    cached_tokens: int  # of the prompts
    completion_tokens: int
    reasoning_tokens: int = 0  # of those


AnswerEvent = AnswerStart | Delta | ChoiceEnd | AnswerEnd
