"""A chat: messages in, text out.

    find the model -> render the prompt to tokens -> submit n requests -> turn events into text -> settle

Settling happens where the engine's last word about a request arrives, however it ends: answered, stopped, cancelled,
disconnected or failed. Closing the iterator cancels what still runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import uuid4

from galerne.engine.events import EndEvent, EndReason, TokenEvent
from galerne.engine.request import GenerationRequest
from galerne.errors import EngineFailed, PromptTooLong
from galerne.flows.chat_events import ChatEnd, ChatEvent, ChatStart, ChoiceEnd, TextDelta
from galerne.flows.choice import ChoiceText
from galerne.flows.merge import merge
from galerne.flows.meter import Account, Meter
from galerne.flows.sampling import check_limits, sampling_of
from galerne.flows.served import ServedModel, ServedModels
from galerne.prompt.conversation import is_prefix
from galerne.protocol.chat import ChatRequest
from galerne.settings import Settings


class Chat:
    """The flow behind `POST /v1/chat/completions` and `galerne chat`."""

    def __init__(self, models: ServedModels, meter: Meter, settings: Settings) -> None:
        self._models = models
        self._meter = meter
        self._settings = settings

    async def answer(self, request: ChatRequest, id: str | None = None) -> AsyncGenerator[ChatEvent]:
        """The answer's events, as `chat_events` says; `id` names it (by default, a new one does).

        Raises `ModelNotFound`, `InvalidRequest`, `TooLarge`, `PromptTooLong`, `TemplateError` before the first event,
        and `Unavailable` at any time.
        """
        id = id or f"chatcmpl-{uuid4().hex}"
        check_limits(request, self._settings)
        model = self._models.find(request.model)
        prompt = await self._prompt(request, model)
        asked = self._engine_requests(request, id, prompt, model)
        yield ChatStart(id, int(time.time()), model.name, model.fingerprint, len(prompt))
        ends: list[ChoiceEnd] = []
        choices = [self._choice(request, index, one, model) for index, one in enumerate(asked)]
        async with aclosing(merge(choices)) as events:
            async for event in events:
                if isinstance(event, ChoiceEnd):
                    ends.append(event)
                yield event
        yield ChatEnd(
            prompt_tokens=len(prompt),
            cached_tokens=min(end.work.cached_tokens for end in ends),
            completion_tokens=sum(end.work.completion_tokens for end in ends),
        )

    async def _prompt(self, request: ChatRequest, model: ServedModel) -> Sequence[int]:
        context = model.generator.context_length
        prompt = await asyncio.to_thread(model.template.render, request.messages, context=context)
        if len(prompt) >= context:
            raise PromptTooLong(
                f"the prompt has {len(prompt)} tokens, the context only {context}, and the answer needs one at least.",
                where="messages",
                hint="Send a shorter prompt.",
            )
        return prompt

    def _engine_requests(
        self, request: ChatRequest, id: str, prompt: Sequence[int], model: ServedModel
    ) -> list[GenerationRequest]:
        room = model.generator.context_length - len(prompt)
        most = request.answer_tokens or min(self._settings.default_max_tokens or room, room)
        if most > room:
            raise PromptTooLong(
                f"{len(prompt)} tokens of prompt and {most} of answer are more than the"
                f" {model.generator.context_length} of the model's context.",
                where="max_tokens",
                hint=f"Ask for at most {room}, or send a shorter prompt.",
            )
        return [
            GenerationRequest(
                id=f"{id}-{index}",
                prompt=tuple(prompt),
                max_tokens=most,
                sampling=sampling_of(request, index, model.tokenizer.vocabulary_size, self._settings),
                stop_tokens=model.tokenizer.stop_tokens,
                min_tokens=request.min_tokens or 0,
            )
            for index in range(request.n or 1)
        ]

    async def _choice(
        self, request: ChatRequest, index: int, asked: GenerationRequest, model: ServedModel
    ) -> AsyncGenerator[TextDelta | ChoiceEnd]:
        text = ChoiceText(
            index,
            model.tokenizer,
            request.stop_strings,
            min_tokens=asked.min_tokens,
            continues=is_prefix(request.messages[-1]),
        )

        def settle(end: EndEvent) -> None:
            self._meter.settle(Account(end.id, model.name, model.digest, end.reason, end.work))

        async with aclosing(model.generator.generate(asked, settle)) as events:
            async for event in events:
                match event:
                    case TokenEvent():
                        delta = text.push(event)
                        if text.stopped:
                            model.generator.cancel(asked.id)
                    case EndEvent(reason=EndReason.CANCELLED) if not text.stopped:
                        raise EngineFailed("the model is being stopped.", hint="Try again later.")
                    case EndEvent():
                        delta = text.finish()
                if delta is not None:
                    yield delta
                if isinstance(event, EndEvent):
                    cut = event.reason is EndReason.LENGTH and not text.stopped
                    yield ChoiceEnd(index, "length" if cut else "stop", event.work)
