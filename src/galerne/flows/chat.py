"""A chat: messages in, text out.

find the model -> render the prompt to tokens -> answer it
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

from galerne.errors import UnsupportedField
from galerne.flows.answer_events import AnswerEvent, Prompt
from galerne.flows.answer_forms import AnswerForms, told_messages, told_tools
from galerne.flows.answering import Answering, Query
from galerne.flows.limits import check_limit
from galerne.flows.meter import Meter
from galerne.flows.sampling import check_limits
from galerne.flows.served import ServedModel, ServedModels
from galerne.identity.caller import Caller
from galerne.prompt.conversation import check_messages, is_prefix
from galerne.protocol.chat import ChatRequest
from galerne.settings import Settings

ENDPOINT = "/v1/chat/completions"

LOOK_SECONDS = 0.25
"""Between two looks whether a model is ready."""


class Chat:
    """The flow behind `POST /v1/chat/completions` and `galerne chat`."""

    def __init__(self, models: ServedModels, meter: Meter, settings: Settings) -> None:
        self._models = models
        self._answering = Answering(meter, settings)
        self._forms = AnswerForms(settings)
        self._settings = settings

    async def answer(
        self, request: ChatRequest, caller: Caller, id: str | None = None, *, endpoint: str = ENDPOINT
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer's events, as `answer_events` says; `id` names it (by default, a new one does), and it is on record
        under `endpoint`.

        Raises `ModelNotFound`, `Forbidden`, `InvalidRequest`, `TooLarge`, `PromptTooLong`, `TemplateError` before the
        first event, `BadGrammar` and `Unavailable` at any time.
        """
        asked = time.perf_counter()
        model, prompt = await self._asked(request, caller)
        query = Query(
            id=id or f"chatcmpl-{uuid4().hex}",
            endpoint=endpoint,
            request=request,
            prompts=[prompt],
            model=model,
            caller=caller,
            asked=asked,
            default_tokens=self._settings.default_max_tokens,
            template=model.template.digest,
            form=await self._forms.of(request, model, prompt),
        )
        async with aclosing(self._answering.answer(query)) as events:
            async for event in events:
                yield event

    async def until_loaded(self, model: str, caller: Caller, seconds: float) -> None:
        """Return when a model is ready, or after so many seconds. Raises `ModelNotFound` when it is unloaded then."""
        end = time.monotonic() + seconds
        while not await self._models.of(caller).find(model).generator.ready() and time.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)

    async def count(self, request: ChatRequest, caller: Caller) -> int:
        """The tokens of the prompt. Raises what `answer` raises before the first event."""
        _, prompt = await self._asked(request, caller)
        return len(prompt.tokens)

    async def _asked(self, request: ChatRequest, caller: Caller) -> tuple[ServedModel, Prompt]:
        """Whom a request asks, and what."""
        self._check_limits(request)
        model = self._models.of(caller).find(request.model)
        await self._forms.check(request, model)
        return model, await self._prompt(request, model)

    def _check_limits(self, request: ChatRequest) -> None:
        check_limits(request, self._settings)
        check_limit("messages", len(request.messages), self._settings.max_messages)
        check_limit("tools", len(request.tools or ()), self._settings.max_tools)

    async def _prompt(self, request: ChatRequest, model: ServedModel) -> Prompt:
        context = model.generator.context_length
        check_messages(request.messages)
        if request.prompt_mode and model.template.thinking is None:
            raise UnsupportedField("this model does not reason.", where="prompt_mode", hint="Leave the field out.")
        tokens = await asyncio.to_thread(
            model.template.render,
            told_messages(request),
            tools=told_tools(request),
            effort=request.effort,
            context=context,
        )
        return Prompt(tokens, where="messages", continues=is_prefix(request.messages[-1]))
