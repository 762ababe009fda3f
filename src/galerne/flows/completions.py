"""Completions: texts or token ids in, how they go on out; or code with a gap in, and what belongs into it out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar
from uuid import uuid4

from galerne.errors import InvalidRequest
from galerne.flows.answer_events import AnswerEvent, Prompt
from galerne.flows.answering import Answering, Query
from galerne.flows.best_of import best_of
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
from galerne.protocol.fim import FimRequest
from galerne.protocol.generation import GenerationFields
from galerne.settings import Settings

ENDPOINT = "/v1/completions"
FIM_ENDPOINT = "/v1/fim/completions"

Asked = TypeVar("Asked", bound=GenerationFields)


class Completions:
    """The flow behind `POST /v1/completions` and `POST /v1/fim/completions`.

    What it gives are the answers' events, as `answer_events` says. It raises `ModelNotFound`, `InvalidRequest`,
    `TooLarge`, `PromptTooLong` before the first event, and `Unavailable` at any time.
    """

    def __init__(self, models: ServedModels, meter: Meter, settings: Settings) -> None:
        self._models = models
        self._answering = Answering(meter, settings)
        self._settings = settings

    def answer(self, request: CompletionRequest, caller: Caller) -> AsyncGenerator[AnswerEvent]:
        """How each of the prompts goes on."""
        default = self._settings.default_completion_tokens
        events = self._answer(f"cmpl-{uuid4().hex}", ENDPOINT, request, caller, self._prompts, default)
        return best_of(events, request.n or 1, request.candidates) if request.is_choosy else events

    def fill(self, request: FimRequest, caller: Caller) -> AsyncGenerator[AnswerEvent]:
        """What belongs between `prompt` and `suffix`."""
        default = self._settings.default_max_tokens
        return self._answer(f"fim-{uuid4().hex}", FIM_ENDPOINT, request, caller, self._gap, default)

    async def _answer(
        self,
        id: str,
        endpoint: str,
        request: Asked,
        caller: Caller,
        prompts: Callable[[Asked, ServedModel], Sequence[Prompt]],
        default_tokens: int | None,
    ) -> AsyncGenerator[AnswerEvent]:
        asked = time.perf_counter()
        check_limits(request, self._settings)
        model = self._models.of(caller).find(request.model)
        query = Query(
            id=id,
            endpoint=endpoint,
            request=request,
            prompts=await asyncio.to_thread(prompts, request, model),
            model=model,
            caller=caller,
            asked=asked,
            default_tokens=default_tokens,
        )
        async with aclosing(self._answering.answer(query)) as events:
            async for event in events:
                yield event

    def _gap(self, request: FimRequest, model: ServedModel) -> Sequence[Prompt]:
        return [fim_prompt(request.prompt, request.suffix or "", model, self._settings, "prompt")]

    def _prompts(self, request: CompletionRequest, model: ServedModel) -> Sequence[Prompt]:
        check_limit("best_of", request.candidates, self._settings.max_choices)
        check_limit("prompt", len(request.prompts), self._settings.max_prompts)
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
