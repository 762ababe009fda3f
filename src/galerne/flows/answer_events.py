"""What an asker gets: an `AnswerStart`, for each choice some `TextDelta`s and a `ChoiceEnd`, and an `AnswerEnd`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from galerne.engine.events import Work
from galerne.protocol.answers import TokenLogprob


@dataclass(frozen=True, slots=True)
class AnswerStart:
    """The request can be done; it is on its way to the engine."""

    id: str
    created: int  # seconds since 1970
    model: str
    fingerprint: str
    prompt_tokens: int  # of all prompts


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of a choice."""

    index: int
    text: str
    logprobs: tuple[TokenLogprob, ...] = ()  # of the tokens whose text is out by now


@dataclass(frozen=True, slots=True)
class ChoiceEnd:
    """A choice is complete."""

    index: int
    reason: Literal["stop", "length"]
    work: Work


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """All choices are. A prompt counts once, however many choices it has."""

    prompt_tokens: int
    cached_tokens: int  # of the prompts
    completion_tokens: int


AnswerEvent = AnswerStart | TextDelta | ChoiceEnd | AnswerEnd
