"""The chat flow over a scripted generator."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.flows.fakes import CONTEXT, STOP, ScriptedGenerator, served

from galerne.engine.events import EndReason
from galerne.engine.request import GenerationRequest
from galerne.errors import (
    EngineFailed,
    GalerneError,
    InvalidRequest,
    ModelNotFound,
    PromptTooLong,
    QueueFull,
    TooLarge,
)
from galerne.flows.answer_events import AnswerEnd, AnswerEvent, AnswerStart, ChoiceEnd, TextDelta
from galerne.flows.chat import Chat
from galerne.flows.meter import Tally
from galerne.identity.caller import Caller
from galerne.protocol.chat import ChatRequest
from galerne.settings import Settings

CALLER = Caller("town-hall")


class House:
    """A chat flow, its fake model and its meter."""

    def __init__(self, answer: bytes | GalerneError = b"Bonjour !", *, fails_after: int | None = None) -> None:
        self.generator = ScriptedGenerator(lambda _: answer, fails_after=fails_after)
        self.tally = Tally()
        self.settings = Settings()
        self.models = served(self.generator)
        self.chat = Chat(self.models, self.tally, self.settings)

    async def ask(self, content: str = "Hello", **fields: Any) -> list[AnswerEvent]:
        return [event async for event in self.chat.answer(request(content, **fields), CALLER)]

    async def asked(self, **fields: Any) -> GenerationRequest:
        """What the engine is asked for such a request."""
        await self.ask(**fields)
        return self.generator.requests[-1]


def request(content: str = "Hello", **fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "fake", "messages": [{"role": "user", "content": content}], **fields})


def text(events: list[AnswerEvent], index: int = 0) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta) and event.index == index)


def reasons(events: list[AnswerEvent]) -> dict[int, str]:
    return {event.index: event.reason for event in events if isinstance(event, ChoiceEnd)}


async def test_a_start_the_text_and_an_end() -> None:
    house = House()
    events = await house.ask()
    start, end = events[0], events[-1]
    assert isinstance(start, AnswerStart)
    assert (start.model, start.prompt_tokens) == ("fake", 5)
    assert text(events) == "Bonjour !"
    assert reasons(events) == {0: "stop"}
    assert end == AnswerEnd(prompt_tokens=5, cached_tokens=2, completion_tokens=9)
    (account,) = house.tally.accounts
    assert (account.id, account.model, account.reason) == (f"{start.id}-0", "fake", EndReason.STOP)
    assert account.work.completion_tokens == 9


async def test_an_alias_leads_to_the_model() -> None:
    house = House()
    start = (await house.ask(model="alias"))[0]
    assert isinstance(start, AnswerStart)
    assert start.model == "fake"


@pytest.mark.parametrize("name", ["nobody", "elsewhere", "../fake", "/etc/passwd"])
async def test_an_unknown_model_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ModelNotFound, match="runs fake"):
        await House().ask(model=name)


async def test_max_tokens_end_the_answer() -> None:
    events = await House().ask(max_tokens=3)
    assert text(events) == "Bon"
    assert reasons(events) == {0: "length"}


async def test_an_answer_may_take_the_rest_of_the_context() -> None:
    assert (await House().asked()).max_tokens == CONTEXT - 5
    assert (await House().asked(max_completion_tokens=CONTEXT - 5)).max_tokens == CONTEXT - 5
    house = House()
    house.chat = Chat(served(house.generator), house.tally, Settings(default_max_tokens=7))
    assert (await house.asked()).max_tokens == 7


async def test_what_does_not_fit_is_refused_with_the_numbers() -> None:
    with pytest.raises(PromptTooLong, match=rf"5 tokens of prompt and 500 of answer.*{CONTEXT}.*at most {CONTEXT - 5}"):
        await House().ask(max_tokens=500)
    with pytest.raises(PromptTooLong, match=rf"has {CONTEXT} tokens"):
        await House().ask("x" * CONTEXT)
    with pytest.raises(PromptTooLong):
        await House().ask("x" * CONTEXT * 100)
    house = House()
    await house.ask("x" * (CONTEXT - 1))
    assert house.generator.requests[0].max_tokens == 1


async def test_a_stop_string_ends_the_answer_and_is_never_shown() -> None:
    house = House(b"Un deux trois, quatre cinq six sept huit neuf dix")
    events = await house.ask(stop=["six", "trois, q"])
    assert text(events) == "Un deux "
    assert reasons(events) == {0: "stop"}
    assert house.tally.accounts[0].reason is EndReason.CANCELLED
    end = events[-1]
    assert isinstance(end, AnswerEnd)
    assert end.completion_tokens == house.tally.accounts[0].work.completion_tokens < 25


async def test_a_stop_string_that_does_not_come_holds_nothing_back_at_the_end() -> None:
    events = await House(b"one two thre").ask(stop="three")
    assert text(events) == "one two thre"


async def test_a_stop_string_at_the_very_length_is_a_stop() -> None:
    events = await House(b"abcdef").ask(stop="def", max_tokens=6)
    assert text(events) == "abc"
    assert reasons(events) == {0: "stop"}


async def test_no_stop_string_counts_before_min_tokens() -> None:
    events = await House(b"stop and stop").ask(stop="stop", min_tokens=4)
    assert text(events) == "stop and "


async def test_characters_come_whole() -> None:
    events = await House("né à Orléans 🌬".encode()).ask()
    assert text(events) == "né à Orléans 🌬"
    assert "�" not in "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_n_choices_are_n_requests_and_the_prompt_counts_once() -> None:
    house = House()
    events = await house.ask(n=3, seed=5)
    assert [text(events, index) for index in range(3)] == ["Bonjour !"] * 3
    assert reasons(events) == dict.fromkeys(range(3), "stop")
    end = events[-1]
    assert isinstance(end, AnswerEnd)
    assert (end.prompt_tokens, end.completion_tokens) == (5, 27)
    assert len({request.id for request in house.generator.requests}) == 3
    assert [request.sampling.seed for request in house.generator.requests] == [5, 6, 7]
    assert len(house.tally.accounts) == 3


async def test_sampling_reaches_the_engine() -> None:
    house = House()
    sampling = (
        await house.asked(
            temperature=0.5,
            top_p=0.9,
            top_k=40,
            min_p=0.05,
            presence_penalty=-1,
            frequency_penalty=1.5,
            repetition_penalty=1.1,
            random_seed=-1,
            logprobs=True,
            top_logprobs=2,
            logit_bias={"65": -100, "66": 5},
        )
    ).sampling
    assert sampling.temperature == 0.5
    assert (sampling.top_p, sampling.top_k, sampling.min_p) == (0.9, 40, 0.05)
    assert (sampling.presence_penalty, sampling.frequency_penalty, sampling.repetition_penalty) == (-1, 1.5, 1.1)
    assert sampling.seed == 2**64 - 1
    assert sampling.logprobs == 2
    assert dict(sampling.bias) == {65: -100, 66: 5}


async def test_what_is_not_said_is_neutral() -> None:
    asked = await House().asked()
    assert asked.sampling.temperature == Settings().default_temperature
    assert asked.sampling.seed is None
    assert asked.sampling.logprobs is None
    assert asked.sampling.bias == ()
    assert asked.stop_tokens == {STOP}
    assert asked.min_tokens == 0


async def test_temperature_0_is_not_the_default_one() -> None:
    assert (await House().asked(temperature=0)).sampling.temperature == 0


@pytest.mark.parametrize("token", ["257", "-1", "A", "", "1e3", "٣", "9" * 5000])
async def test_a_bias_names_a_token(token: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await House().ask(logit_bias={token: 1})
    assert caught.value.where == "logit_bias"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 17),
        ("stop", ["x"] * 17),
        ("logit_bias", {str(token): 1 for token in range(1025)}),
        ("messages", [{"role": "user", "content": "x"}] * 4097),
    ],
)
async def test_limits_are_settings(field: str, value: object) -> None:
    with pytest.raises(TooLarge) as caught:
        await House().ask(**{field: value})
    assert caught.value.where == field


async def test_too_many_logprobs() -> None:
    with pytest.raises(TooLarge) as caught:
        await House().ask(logprobs=True, top_logprobs=21)
    assert caught.value.where == "top_logprobs"


async def test_logprobs_come_with_the_text_they_belong_to() -> None:
    events = await House("aé".encode()).ask(logprobs=True, top_logprobs=2)
    tokens = [token for event in events if isinstance(event, TextDelta) for token in event.logprobs]
    assert [token.token_id for token in tokens] == list("aé".encode())
    assert tokens[0].bytes == [ord("a")]
    assert [top.token_id for top in tokens[0].top_logprobs] == [ord("a"), STOP]
    assert tokens[0].top_logprobs[1].logprob == -9999.0  # JSON knows no infinity


async def test_logprobs_do_not_leak_a_stop_string() -> None:
    events = await House(b"abcSTOPdef").ask(logprobs=True, stop="STOP")
    tokens = [token.token for event in events if isinstance(event, TextDelta) for token in event.logprobs]
    assert tokens == ["a", "b", "c"]


async def test_a_refusal_comes_before_any_text() -> None:
    house = House(QueueFull("full."))
    with pytest.raises(QueueFull):
        await house.ask(n=2)
    assert house.tally.accounts == []


async def test_a_failure_ends_all_choices_and_is_settled() -> None:
    house = House(b"0123456789" * 5, fails_after=4)
    events: list[AnswerEvent] = []

    async def follow() -> None:
        async for event in house.chat.answer(request(n=2), CALLER):
            events.append(event)  # noqa: PERF401

    with pytest.raises(EngineFailed, match="broke"):
        await follow()
    assert text(events).startswith("01")
    assert not house.generator.running
    assert len(house.tally.accounts) == 2
    assert EndReason.FAILED in {account.reason for account in house.tally.accounts}


async def test_closing_cancels_and_settles() -> None:
    house = House(b"x" * 100)
    events = house.chat.answer(request(n=2), CALLER)
    async for event in events:
        if isinstance(event, TextDelta):
            break
    assert len(house.generator.running) == 2
    await events.aclose()
    assert not house.generator.running
    assert [account.reason for account in house.tally.accounts] == [EndReason.CANCELLED] * 2


async def test_cancelling_the_task_cancels_and_settles() -> None:
    house = House(b"x" * 100)

    async def follow() -> None:
        async for event in house.chat.answer(request(), CALLER):
            if isinstance(event, TextDelta):
                await asyncio.sleep(60)

    task = asyncio.create_task(follow())
    while not house.generator.running:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.01)
    assert not house.generator.running
    assert len(house.tally.accounts) == 1


async def test_the_workspace_salts_the_cache_and_is_the_unit_of_fairness() -> None:
    assert (await House().asked()).tenant == CALLER.workspace
