"""The completions flow over a scripted generator: what is its own, the rest is a chat's."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tests.flows.fakes import CONTEXT, GAP, STOP, ScriptedGenerator, served

from galerne.engine.request import GenerationRequest
from galerne.errors import InvalidRequest, ModelNotFound, PromptTooLong, TooLarge
from galerne.flows.answer_events import AnswerEnd, AnswerEvent, AnswerStart, ShownToken, TextDelta
from galerne.flows.completions import Completions
from galerne.flows.meter import Tally
from galerne.identity.caller import Caller
from galerne.protocol.completions import CompletionRequest
from galerne.settings import Settings


class House:
    """A completions flow, its fake model and its meter."""

    def __init__(self, answer: bytes = b" world", *, fim: bool = False, **settings: Any) -> None:
        self.generator = ScriptedGenerator(lambda _: answer)
        self.tally = Tally()
        self.flow = Completions(served(self.generator, fim=fim), self.tally, Settings(**settings))

    async def ask(self, prompt: Any = "Hello", **fields: Any) -> list[AnswerEvent]:
        request = CompletionRequest.model_validate({"model": "fake", "prompt": prompt, **fields})
        return [event async for event in self.flow.answer(request, Caller("town-hall"))]

    async def asked(self, prompt: Any = "Hello", **fields: Any) -> GenerationRequest:
        await self.ask(prompt, **fields)
        return self.generator.requests[0]


def text(events: list[AnswerEvent], index: int = 0) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta) and event.index == index)


def start(events: list[AnswerEvent]) -> AnswerStart:
    assert isinstance(events[0], AnswerStart)
    return events[0]


async def test_a_text_goes_on() -> None:
    house = House()
    events = await house.ask()
    assert text(events) == " world"
    assert start(events).id.startswith("cmpl-")
    assert house.generator.requests[0].prompt == tuple(b"Hello")
    assert house.generator.requests[0].tenant == "town-hall"
    assert house.tally.accounts[0].work.completion_tokens == 6


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (["ab", "c"], [b"ab", b"c"]),
        ([97, 98], [b"ab"]),
        ([[97], [98, 99]], [b"a", b"bc"]),
    ],
)
async def test_the_forms_of_a_prompt(prompt: Any, expected: list[bytes]) -> None:
    house = House()
    await house.ask(prompt)
    assert [bytes(request.prompt) for request in house.generator.requests] == expected


async def test_each_prompt_has_its_choices_and_counts_once() -> None:
    house = House()
    events = await house.ask(["abcd", "ef"], n=3, seed=7)
    assert [text(events, index) for index in range(6)] == [" world"] * 6
    assert [bytes(request.prompt) for request in house.generator.requests] == [b"abcd"] * 3 + [b"ef"] * 3
    assert [request.sampling.seed for request in house.generator.requests] == [7, 8, 9] * 2
    assert events[-1] == AnswerEnd(prompt_tokens=6, cached_tokens=3, completion_tokens=36)
    assert len(house.tally.accounts) == 6


async def test_without_a_length_it_is_short() -> None:
    assert (await House().asked()).max_tokens == 16
    assert (await House(default_completion_tokens=5).asked()).max_tokens == 5
    assert (await House().asked("x" * (CONTEXT - 3))).max_tokens == 3
    assert (await House().asked(max_tokens=100)).max_tokens == 100


async def test_a_prompt_may_be_shown() -> None:
    assert start(await House().ask("né", echo=True)).prompts[0].echo == "né"
    assert start(await House().ask(list("né".encode()), echo=True)).prompts[0].echo == "né"
    assert start(await House().ask("né")).prompts[0].echo == ""


async def test_tokens_are_told_with_their_text() -> None:
    events = await House("aé".encode()).ask(return_token_ids=True)
    tokens = [shown for event in events if isinstance(event, TextDelta) for shown in event.tokens]
    assert tokens == [ShownToken(97, 0, None), ShownToken(0xC3, 1, None), ShownToken(0xA9, 1, None)]


async def test_logprobs_know_where_their_token_begins() -> None:
    events = await House(b"abc").ask(logprobs=1)
    shown = [shown for event in events if isinstance(event, TextDelta) for shown in event.tokens]
    assert [one.start for one in shown] == [0, 1, 2]
    assert [one.logprob.logprob for one in shown if one.logprob] == [-0.5] * 3


async def test_a_suffix_makes_a_gap() -> None:
    asked = await House(fim=True).asked("ab", suffix="cd")
    prefix, suffix, middle, separator = GAP.values()
    assert asked.prompt == (prefix, *b"ab", suffix, *b"cd", middle)
    assert asked.stop_tokens == {STOP, *GAP.values()}
    assert separator in asked.stop_tokens


async def test_a_suffix_needs_a_text_and_a_model_that_knows() -> None:
    with pytest.raises(InvalidRequest, match="is a text"):
        await House(fim=True).ask([97], suffix="x")
    with pytest.raises(InvalidRequest, match="not trained to fill"):
        await House().ask("a", suffix="x")


@pytest.mark.parametrize(
    ("prompt", "error", "where"),
    [
        ("", InvalidRequest, "prompt"),
        (["a", ""], InvalidRequest, "prompt[1]"),
        ([97, 257], InvalidRequest, "prompt[1]"),
        ([[97], [98, 400]], InvalidRequest, "prompt[1][1]"),
        ("x" * CONTEXT, PromptTooLong, "prompt"),
        (["a", "x" * (CONTEXT + 1)], PromptTooLong, "prompt[1]"),
        ([97] * CONTEXT, PromptTooLong, "prompt"),
        (["a"] * 129, TooLarge, "prompt"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_place(prompt: Any, error: type[Exception], where: str) -> None:
    house = House()
    with pytest.raises(error) as caught:
        await house.ask(prompt)
    assert caught.value.where == where  # type: ignore[attr-defined]
    assert house.generator.requests == []


async def test_an_unknown_model() -> None:
    with pytest.raises(ModelNotFound):
        await House().ask(model="nobody")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"best_of": 1, "n": 2}, "`best_of` is at least `n`"),
        ({"best_of": 2, "stream": True}, "cannot go with `stream`"),
        ({"echo": True, "logprobs": 1}, "`echo` cannot go with `logprobs`"),
        ({"echo": True, "suffix": "x"}, "`echo` cannot go with `suffix`"),
        ({"logprobs": True}, "integer"),
        ({"prompt": None}, "valid"),
        ({"prompt": []}, "at least 1"),
        ({"prompt": [[]]}, "at least 1"),
        ({"prompt": ["a", 1]}, "valid"),
        ({"prompt": [-1]}, "greater"),
        ({"tools": []}, "Extra"),
    ],
)
def test_nothing_is_ignored(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        CompletionRequest.model_validate({"model": "fake", "prompt": "x", **fields})
