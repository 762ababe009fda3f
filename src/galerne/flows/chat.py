"""A chat: messages in, text out.

find the model -> render the prompt to tokens -> answer it
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

from galerne.flows.answer_events import AnswerEvent, Prompt
from galerne.flows.answer_form import grammar_of, instructions
from galerne.flows.answering import Answering
from galerne.flows.limits import check_limit
from galerne.flows.meter import Meter
from galerne.flows.sampling import check_limits
from galerne.flows.served import ServedModel, ServedModels
from galerne.identity.caller import Caller
from galerne.prompt.conversation import is_prefix
from galerne.prompt.grammars import Grammars
from galerne.prompt.instructions import instructed
from galerne.protocol.chat import ChatRequest
from galerne.settings import Settings

ENDPOINT = "/v1/chat/completions"


class Chat:
    """The flow behind `POST /v1/chat/completions` and `galerne chat`."""

    def __init__(self, models: ServedModels, meter: Meter, settings: Settings) -> None:
        self._models = models
        self._answering = Answering(meter, settings)
        self._grammars = Grammars(settings)
        self._settings = settings

    async def answer(self, request: ChatRequest, caller: Caller, id: str | None = None) -> AsyncGenerator[AnswerEvent]:
        """The answer's events, as `answer_events` says; `id` names it (by default, a new one does).

        Raises `ModelNotFound`, `InvalidRequest`, `TooLarge`, `PromptTooLong`, `TemplateError` before the first event,
        `BadGrammar` and `Unavailable` at any time.
        """
        self._check_limits(request)
        model = self._models.find(request.model)
        asked = grammar_of(request)
        answer = self._answering.answer(
            id or f"chatcmpl-{uuid4().hex}",
            ENDPOINT,
            request,
            [await self._prompt(request, model)],
            model,
            caller,
            default_tokens=self._settings.default_max_tokens,
            grammar=await self._grammars.compile(asked.parts, asked.where) if asked else None,
        )
        async with aclosing(answer) as events:
            async for event in events:
                yield event

    def _check_limits(self, request: ChatRequest) -> None:
        check_limits(request, self._settings)
        check_limit("messages", len(request.messages), self._settings.max_messages)

    async def _prompt(self, request: ChatRequest, model: ServedModel) -> Prompt:
        context = model.generator.context_length
        messages = instructed(request.messages, instructions(request))
        tokens = await asyncio.to_thread(model.template.render, messages, context=context)
        return Prompt(tokens, where="messages", continues=is_prefix(request.messages[-1]))
