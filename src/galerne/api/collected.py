"""All of an answer's events, put together: for whoever does not stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from galerne.flows.answer_events import (
    AnswerEnd,
    AnswerEvent,
    AnswerStart,
    CallDelta,
    ChoiceEnd,
    Delta,
    Prompt,
    ShownToken,
    TextDelta,
    ThinkingDelta,
)
from galerne.protocol.answers import FinishReason


@dataclass(slots=True)
class CollectedCall:
    id: str
    name: str
    arguments: str = ""


@dataclass(slots=True)
class CollectedChoice:
    """What has come of a choice."""

    prompt: Prompt
    thoughts: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    calls: list[CollectedCall] = field(default_factory=list)
    tokens: list[ShownToken] = field(default_factory=list)
    reason: FinishReason = "stop"

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def thinking(self) -> str:
        return "".join(self.thoughts)

    def add(self, delta: Delta) -> None:
        match delta:
            case TextDelta():
                self.texts.append(delta.text)
                self.tokens.extend(delta.tokens)
            case ThinkingDelta():
                self.thoughts.append(delta.text)
            case CallDelta(id=str(id), name=str(name)):
                self.calls.append(CollectedCall(id, name, delta.arguments))
            case CallDelta():
                self.calls[delta.call].arguments += delta.arguments


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
                case TextDelta() | ThinkingDelta() | CallDelta():
                    choices[event.index].add(event)
                case ChoiceEnd():
                    choices[event.index].reason = event.reason
                case AnswerEnd():
                    end = event
    return Collected(start, choices, end)
