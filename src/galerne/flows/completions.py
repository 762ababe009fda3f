"""A completion: texts or token ids in, how they go on out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

from galerne.errors import InvalidRequest
from galerne.flows.answer_events import AnswerEvent, Prompt
from galerne.flows.answering import Answering, Query
from galerne.flows.fim import fim_prompt
from galerne.flows.limits import check_limit
from galerne.flows.meter import Meter
from galerne.flows.sampling import check_limits
from galerne.flows.served import ServedModel, ServedModels
from galerne.flows.tokens import check_tokens
from galerne.identity.caller import Caller
from galerne.prompt.conversation import check_length
from galerne.prompt.plain_text import encode_text, spell
from galerne.protocol.completions import CompletionRequest
from galerne.settings import Settings

ENDPOINT = "/v1/completions"


class Completions:
    """The flow behind `POST /v1/completions`."""

    def __init__(self, models: ServedModels, meter: Meter, settings: Settings) -> None:
        self._models = models
        self._answering = Answering(meter, settings)
        self._settings = settings

    async def answer(self, request: CompletionRequest, caller: Caller) -> AsyncGenerator[AnswerEvent]:
        """The answers' events, as `answer_events` says.

        Raises `ModelNotFound`, `InvalidRequest`, `TooLarge`, `PromptTooLong` before the first event, and `Unavailable`
        at any time.
        """
        check_limits(request, self._settings)
        check_limit("prompt", len(request.prompts), self._settings.max_prompts)
        model = self._models.find(request.model)
        query = Query(
            id=f"cmpl-{uuid4().hex}",
            endpoint=ENDPOINT,
            request=request,
            prompts=await asyncio.to_thread(self._prompts, request, model),
            model=model,
            caller=caller,
            default_tokens=self._settings.default_completion_tokens,
        )
        async with aclosing(self._answering.answer(query)) as events:
            async for event in events:
                yield event

    def _prompts(self, request: CompletionRequest, model: ServedModel) -> list[Prompt]:
        several = len(request.prompts) > 1
        return [
            self._prompt(request, prompt, model, f"prompt[{place}]" if several else "prompt")
            for place, prompt in enumerate(request.prompts)
        ]

    def _prompt(self, request: CompletionRequest, prompt: str | list[int], model: ServedModel, where: str) -> Prompt:
        if request.suffix is not None:
            if not isinstance(prompt, str):
                raise InvalidRequest("with a `suffix`, the prompt is a text.", where=where)
            return fim_prompt(prompt, request.suffix, model, self._settings, where)
        if isinstance(prompt, str):
            check_length(prompt, model.tokenizer.longest, model.generator.context_length, where)
            tokens = encode_text(model.tokenizer, prompt)
        else:
            check_tokens(prompt, model.tokenizer, where)
            tokens = prompt
        if not tokens:
            raise InvalidRequest("has no tokens: there is nothing to go on with.", where=where)
        echo = prompt if isinstance(prompt, str) else spell(model.tokenizer, tokens)
        return Prompt(tokens, where, continues=tokens != [model.tokenizer.bos], echo=echo if request.echo else "")
