"""Prompts in, text out: what chats, completions and code completions share.

    reserve the worst case -> for each prompt submit n requests -> turn events into text -> settle -> close the account

Settling happens where the engine's last word about a request arrives, however it ends: answered, stopped, cancelled,
disconnected or failed. Closing the iterator cancels what still runs. The answer is on record before its end is told.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

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
from galerne.protocol.generation import GenerationFields
from galerne.settings import Settings


class Answering:
    """`n` answers to each prompt, by way of a model's `Generator`."""

    def __init__(self, meter: Meter, settings: Settings) -> None:
        self._meter = meter
        self._settings = settings

    async def answer(
        self,
        id: str,
        endpoint: str,
        request: GenerationFields,
        prompts: Sequence[Prompt],
        model: ServedModel,
        caller: Caller,
        *,
        default_tokens: int | None,
        form: AnswerForm = JUST_TEXT,
    ) -> AsyncGenerator[AnswerEvent]:
        """The events of all choices: those of the first prompt are 0 to n - 1, then come those of the next.

        An answer whose request does not say its length has `default_tokens` at most; None: what the context has room
        for. `form` is what each answer may be. Raises `InvalidRequest`, `PromptTooLong` before the first event,
        `BadGrammar` and `Unavailable` at any time.
        """
        n = request.n or 1
        asked = [
            self._engine_request(
                f"{id}-{index}", request, index % n, prompts[index // n], model, caller, default_tokens, form.grammar
            )
            for index in range(n * len(prompts))
        ]
        tab = await Tab.open(_claim(id, endpoint, prompts, asked, model, caller), self._meter)
        start = AnswerStart(id, int(time.time()), model.name, model.fingerprint, prompts)
        work = [Work()] * len(asked)
        try:
            yield start
            choices = [
                self._choice(request, index, one, prompts[index // n], model, form, tab)
                for index, one in enumerate(asked)
            ]
            async with aclosing(merge(choices)) as events:
                async for event in events:
                    if isinstance(event, ChoiceEnd):
                        work[event.index] = event.work
                    yield event
            await tab.close()  # whoever is told that the answer is complete can rely on its being on record
        finally:
            tab.end()
        cached = [one.cached_tokens for one in work]
        yield AnswerEnd(
            prompt_tokens=start.prompt_tokens,
            cached_tokens=sum(min(cached[first : first + n]) for first in range(0, len(cached), n)),
            completion_tokens=sum(one.completion_tokens for one in work),
        )

    def _engine_request(
        self,
        id: str,
        request: GenerationFields,
        choice: int,
        prompt: Prompt,
        model: ServedModel,
        caller: Caller,
        default_tokens: int | None,
        grammar: str | None,
    ) -> GenerationRequest:
        return GenerationRequest(
            id=id,
            prompt=tuple(prompt.tokens),
            max_tokens=_answer_tokens(request, prompt, model.generator.context_length, default_tokens),
            sampling=sampling_of(request, choice, model.tokenizer.vocabulary_size, self._settings),
            stop_tokens=model.tokenizer.stop_tokens | prompt.stop_tokens,
            min_tokens=request.min_tokens or 0,
            tenant=caller.workspace,
            grammar=grammar,
            priority=Priority.BATCH if caller.patient else Priority.INTERACTIVE,
        )

    async def _choice(
        self,
        request: GenerationFields,
        index: int,
        asked: GenerationRequest,
        prompt: Prompt,
        model: ServedModel,
        form: AnswerForm,
        tab: Tab,
    ) -> AsyncGenerator[Delta | ChoiceEnd]:
        text = ChoiceText(
            index,
            model.tokenizer,
            request.stop_strings,
            form,
            min_tokens=asked.min_tokens,
            continues=prompt.continues,
            tells_tokens=request.tells_tokens,
            name=asked.id,
        )
        async with aclosing(_metered(model.generator.generate(asked, tab.settle), asked.id, tab)) as events:
            async for event in events:
                match event:
                    case TokenEvent():
                        for delta in text.push(event):
                            yield delta
                        if text.stopped:
                            model.generator.cancel(asked.id)
                    case EndEvent(reason=EndReason.CANCELLED) if not text.stopped:
                        raise EngineFailed("the model is being stopped.", hint="Try again later.")
                    case EndEvent():
                        for delta in text.finish():
                            yield delta
                        cut = event.reason is EndReason.LENGTH and not text.stopped
                        yield ChoiceEnd(index, "length" if cut else "tool_calls" if text.calls else "stop", event.work)


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


def _claim(
    id: str,
    endpoint: str,
    prompts: Sequence[Prompt],
    asked: Sequence[GenerationRequest],
    model: ServedModel,
    caller: Caller,
) -> Claim:
    return Claim(
        id=id,
        endpoint=endpoint,
        caller=caller,
        model=model.name,
        digest=model.digest,
        template=model.template.digest,
        fingerprint=model.fingerprint,
        prompts=tuple(tuple(prompt.tokens) for prompt in prompts),
        choices=len(asked) // len(prompts),
        most_tokens=sum(one.max_tokens for one in asked),
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
