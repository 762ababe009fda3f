"""Prompts in, text out: what chats, completions and code completions share.

    reserve the worst case -> for each prompt submit n requests -> turn events into text -> settle -> close the account

Settling happens where the engine's last word about a request arrives, however it ends: answered, stopped, cancelled,
disconnected or failed. Closing the iterator cancels what still runs. The answer is on record before its end is told.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from galerne.engine.events import EndEvent, EndReason, Event, TokenEvent, Work
from galerne.engine.request import GenerationRequest, Priority
from galerne.errors import EngineFailed, GalerneError, PromptTooLong
from galerne.flows.answer_events import AnswerEnd, AnswerEvent, AnswerStart, ChoiceEnd, Delta, Prompt
from galerne.flows.answer_form import JUST_TEXT, AnswerForm
from galerne.flows.choice import ChoiceText
from galerne.flows.merge import merge
from galerne.flows.meter import Claim, Meter
from galerne.flows.sampling import sampling_of
from galerne.flows.served import ServedModel
from galerne.flows.tab import Tab
from galerne.identity.caller import Caller
from galerne.ledger.prices import Kind
from galerne.protocol.generation import GenerationFields
from galerne.settings import Settings


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of a model, and by whom. The flow that asks sets every field."""

    id: str  # of the answer
    endpoint: str  # "/v1/chat/completions", ...
    request: GenerationFields
    prompts: Sequence[Prompt]
    model: ServedModel
    caller: Caller
    asked: float  # when, by `time.perf_counter`
    default_tokens: int | None  # of an answer whose request does not say; None: what the context has room for
    template: str | None = None  # SHA-256 of the chat template; None: it took no part
    form: AnswerForm = JUST_TEXT  # what each answer may be

    @property
    def n(self) -> int:
        """Choices to each prompt: those of the first one are 0 to n - 1, then come those of the next."""
        return self.request.candidates

    def prompt_of(self, choice: int) -> Prompt:
        return self.prompts[choice // self.n]


class Answering:
    """`n` answers to each prompt, by way of a model's `Generator`."""

    def __init__(self, meter: Meter, settings: Settings) -> None:
        self._meter = meter
        self._settings = settings

    async def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]:
        """The events of all choices.

        Raises `InvalidRequest`, `PromptTooLong` before the first event, `BadGrammar` and `Unavailable` at any time.
        """
        model, n = query.model, query.n
        asked = [self._engine_request(query, index) for index in range(n * len(query.prompts))]
        tab = await Tab.open(_claim(query, asked), self._meter)
        start = AnswerStart(query.id, int(time.time()), model.name, model.fingerprint, query.prompts)
        work, reasoning_tokens, began = [Work()] * len(asked), 0, False
        try:
            yield start
            choices = [_choice(query, index, one, tab) for index, one in enumerate(asked)]
            async with aclosing(merge(choices)) as events:
                async for event in events:
                    if isinstance(event, ChoiceEnd):
                        work[event.index] = event.work
                        reasoning_tokens += event.reasoning_tokens
                    elif not began:
                        began = True
                        self._meter.note_first(model.name, time.perf_counter() - query.asked)
                    yield event
            await tab.close()  # whoever is told that the answer is complete can rely on its being on record
        finally:
            tab.end()
        cached = [one.cached_tokens for one in work]
        yield AnswerEnd(
            prompt_tokens=start.prompt_tokens,
            cached_tokens=sum(min(cached[first : first + n]) for first in range(0, len(cached), n)),
            completion_tokens=sum(one.completion_tokens for one in work),
            reasoning_tokens=reasoning_tokens,
        )

    def _engine_request(self, query: Query, index: int) -> GenerationRequest:
        request, prompt, model = query.request, query.prompt_of(index), query.model
        return GenerationRequest(
            id=f"{query.id}-{index}",
            prompt=tuple(prompt.tokens),
            max_tokens=_answer_tokens(request, prompt, model.context_length, query.default_tokens),
            sampling=sampling_of(request, index % query.n, model.tokenizer.vocabulary_size, self._settings),
            stop_tokens=model.tokenizer.stop_tokens | prompt.stop_tokens,
            min_tokens=request.min_tokens or 0,
            tenant=query.caller.workspace,
            grammar=query.form.grammar,
            expected=query.form.expected,
            priority=Priority.BATCH if query.caller.patient else Priority.INTERACTIVE,
        )


async def _choice(query: Query, index: int, asked: GenerationRequest, tab: Tab) -> AsyncGenerator[Delta | ChoiceEnd]:
    generator = query.model.generator
    text = ChoiceText(
        index,
        query.model.tokenizer,
        query.request.stop_strings,
        query.form,
        min_tokens=asked.min_tokens,
        continues=query.prompt_of(index).continues,
        tells_tokens=query.request.tells_tokens,
        name=asked.id,
    )
    async with aclosing(_metered(generator.generate(asked, tab.settle), asked.id, tab)) as events:
        async for event in events:
            match event:
                case TokenEvent():
                    for delta in text.push(event):
                        yield delta
                    if text.stopped:
                        generator.cancel(asked.id)
                case EndEvent(reason=EndReason.CANCELLED) if not text.stopped:
                    raise EngineFailed("the model is being stopped.", hint="Try again later.")
                case EndEvent():
                    for delta in text.finish():
                        yield delta
                    cut = event.reason is EndReason.LENGTH and not text.stopped
                    why: Literal["stop", "length", "tool_calls"] = "tool_calls" if text.calls else "stop"
                    yield ChoiceEnd(index, "length" if cut else why, event.work, text.reasoning_tokens)


async def _metered(events: AsyncGenerator[Event], id: str, tab: Tab) -> AsyncGenerator[Event]:
    """The engine's events, noted on the tab. What it refuses to take on costs nothing."""
    tab.begin(id)
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, TokenEvent):
                    tab.count(id, event.token)
                yield event
    except GalerneError:
        tab.drop(id)
        raise


def _claim(query: Query, asked: Sequence[GenerationRequest]) -> Claim:
    return Claim(
        id=query.id,
        endpoint=query.endpoint,
        caller=query.caller,
        model=query.model.name,
        digest=query.model.digest,
        template=query.template,
        fingerprint=query.model.fingerprint,
        prompts=tuple(tuple(prompt.tokens) for prompt in query.prompts),
        prompt_kind=Kind.INPUT,
        choices=query.n,
        most_tokens=sum(one.max_tokens for one in asked),
        asked=tuple(asked),
    )


def _answer_tokens(request: GenerationFields, prompt: Prompt, context: int, default: int | None) -> int:
    """The most tokens of one answer. Raises `PromptTooLong`."""
    given = len(prompt.tokens)
    room = context - given
    if room < 1:
        raise PromptTooLong(
            f"the prompt has {given} tokens, the context only {context}, and the answer needs one at least.",
            where=prompt.where,
            hint="Send a shorter prompt.",
        )
    most = request.answer_tokens or min(default or room, room)
    if most > room:
        raise PromptTooLong(
            f"{given} tokens of prompt and {most} of answer are more than the {context} of the model's context.",
            where="max_tokens",
            hint=f"Ask for at most {room}, or send a shorter prompt.",
        )
    return most
