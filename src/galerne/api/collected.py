"""All of an answer's events, put together: for whoever does not stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from galerne.flows.answer_events import AnswerEnd, AnswerEvent, AnswerStart, ChoiceEnd, Prompt, ShownToken, TextDelta
from galerne.protocol.answers import FinishReason


@dataclass(slots=True)
class CollectedChoice:
    """What has come of a choice."""

    prompt: Prompt
    texts: list[str] = field(default_factory=list)
    tokens: list[ShownToken] = field(default_factory=list)
    reason: FinishReason = "stop"

    @property
    def text(self) -> str:
        return "".join(self.texts)


@dataclass(frozen=True, slots=True)
class Collected:
    """A whole answer. `collect` sets every field."""

    start: AnswerStart
    choices: list[CollectedChoice]
    end: AnswerEnd


async def collect(events: AsyncGenerator[AnswerEvent], n: int) -> Collected:
    """The whole answer, with `n` choices to each prompt. Raises what the events raise."""
    choices: list[CollectedChoice] = []
    async with aclosing(events):
        async for event in events:
            match event:
                case AnswerStart():
                    start = event
                    choices = [CollectedChoice(prompt) for prompt in event.prompts for _ in range(n)]
                case TextDelta():
                    choices[event.index].texts.append(event.text)
                    choices[event.index].tokens.extend(event.tokens)
                case ChoiceEnd():
                    choices[event.index].reason = event.reason
                case AnswerEnd():
                    end = event
    return Collected(start, choices, end)
