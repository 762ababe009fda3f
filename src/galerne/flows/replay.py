"""Makes an answer again from what was kept of its request, and compares it with what was said, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from galerne.backends.generator import Generator
from galerne.engine.events import TokenEvent
from galerne.flows.kept_requests import KeptChoice, KeptRequest


@dataclass(frozen=True, slots=True)
class Replayed:
    """One choice, made again."""

    tokens: int  # of the choice
    differs: int | None  # the first token that is another one, from 0; None: every token is the same


async def replay(kept: KeptRequest, generator: Generator) -> Sequence[Replayed]:
    """The choices, one after the other. Raises what generating raises."""
    return [await _again(choice, generator) for choice in kept.choices]


async def _again(choice: KeptChoice, generator: Generator) -> Replayed:
    said = choice.tokens
    if not said:
        return Replayed(0, None)
    asked = replace(choice.asked, max_tokens=max(len(said), 1), id=f"{choice.asked.id}-again")
    async with aclosing(generator.generate(asked, lambda _: None)) as events:
        told = [event.token async for event in events if isinstance(event, TokenEvent)]
    return Replayed(len(said), _first_difference(said, told))


def _first_difference(said: Sequence[int], told: Sequence[int]) -> int | None:
    for place, (old, new) in enumerate(zip(said, told, strict=False)):
        if old != new:
            return place
    return None if len(told) >= len(said) else len(told)
