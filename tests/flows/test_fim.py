"""The code completion flow over a scripted generator."""

from __future__ import annotations

from typing import Any

import pytest
from tests.flows.fakes import CONTEXT, GAP, ScriptedGenerator, served

from galerne.engine.request import GenerationRequest
from galerne.errors import InvalidRequest, ModelNotFound, PromptTooLong
from galerne.flows.answer_events import TextDelta
from galerne.flows.completions import Completions
from galerne.flows.meter import Tally
from galerne.identity.caller import Caller
from galerne.protocol.fim import FimRequest
from galerne.settings import Settings

PREFIX, SUFFIX, MIDDLE, _ = GAP.values()


class House:
    def __init__(self, answer: bytes = b"x + 1", *, fim: bool = True) -> None:
        self.generator = ScriptedGenerator(lambda _: answer)
        self.flow = Completions(served(self.generator, fim=fim), Tally(), Settings())

    async def ask(self, prompt: str, **fields: Any) -> str:
        request = FimRequest.model_validate({"model": "fake", "prompt": prompt, **fields})
        events = [event async for event in self.flow.fill(request, Caller("town-hall"))]
        return "".join(event.text for event in events if isinstance(event, TextDelta))

    async def asked(self, prompt: str, **fields: Any) -> GenerationRequest:
        await self.ask(prompt, **fields)
        return self.generator.requests[0]


async def test_the_gap_is_filled() -> None:
    assert await House().ask("def f(x):\n    return ", suffix="\n") == "x + 1"


async def test_both_sides_reach_the_model() -> None:
    assert (await House().asked("a", suffix="b")).prompt == (PREFIX, 97, SUFFIX, 98, MIDDLE)
    assert (await House().asked("a")).prompt == (PREFIX, 97, SUFFIX, MIDDLE)


async def test_what_clients_say_of_the_answer() -> None:
    asked = await House().asked("a", temperature=0, max_tokens=5, min_tokens=2, random_seed=3)
    assert (asked.sampling.temperature, asked.max_tokens, asked.min_tokens, asked.sampling.seed) == (0, 5, 2, 3)
    assert await House(b"one\ntwo").ask("a", stop="\n") == "one"


async def test_a_model_that_was_not_trained_for_it_names_those_that_were() -> None:
    with pytest.raises(InvalidRequest, match=r"fake was not trained.*codestral-22b-v0\.1.*qwen2\.5-coder") as caught:
        await House(fim=False).ask("a")
    assert caught.value.where == "model"


async def test_what_does_not_fit() -> None:
    with pytest.raises(PromptTooLong, match="characters"):
        await House().ask("a" * CONTEXT, suffix="b")
    with pytest.raises(PromptTooLong, match=f"has {CONTEXT} tokens"):
        await House().ask("a" * (CONTEXT - 3))


async def test_an_unknown_model() -> None:
    with pytest.raises(ModelNotFound):
        await House().ask("a", model="nobody")
