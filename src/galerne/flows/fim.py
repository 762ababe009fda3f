"""Code completion: what is before and after a gap in, what belongs into it out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

from galerne.errors import InvalidRequest
from galerne.flows.answer_events import AnswerEvent, Prompt
from galerne.flows.answering import Answering, Query
from galerne.flows.meter import Meter
from galerne.flows.sampling import check_limits
from galerne.flows.served import ServedModel, ServedModels
from galerne.identity.caller import Caller
from galerne.prompt.conversation import check_length
from galerne.prompt.fim import FillInTheMiddle
from galerne.protocol.fim import FimRequest
from galerne.settings import Settings
from galerne.weights.catalogue import load_catalogue

ENDPOINT = "/v1/fim/completions"


class Fim:
    """The flow behind `POST /v1/fim/completions`."""

    def __init__(self, models: ServedModels, meter: Meter, settings: Settings) -> None:
        self._models = models
        self._answering = Answering(meter, settings)
        self._settings = settings

    async def answer(self, request: FimRequest, caller: Caller) -> AsyncGenerator[AnswerEvent]:
        """The answer's events, as `answer_events` says.

        Raises `ModelNotFound`, `InvalidRequest`, `TooLarge`, `PromptTooLong` before the first event, and `Unavailable`
        at any time.
        """
        check_limits(request, self._settings)
        model = self._models.find(request.model)
        prompt = await asyncio.to_thread(
            fim_prompt, request.prompt, request.suffix or "", model, self._settings, "prompt"
        )
        query = Query(
            id=f"fim-{uuid4().hex}",
            endpoint=ENDPOINT,
            request=request,
            prompts=[prompt],
            model=model,
            caller=caller,
            default_tokens=self._settings.default_max_tokens,
        )
        async with aclosing(self._answering.answer(query)) as events:
            async for event in events:
                yield event


def fim_prompt(before: str, after: str, model: ServedModel, settings: Settings, where: str) -> Prompt:
    """What asks the model for the text between two others. Raises `InvalidRequest`, `PromptTooLong`."""
    fim = _fim_of(model, settings)
    check_length([before, after], model.tokenizer.longest, model.generator.context_length, where)
    return Prompt(fim.encode(before, after), where, continues=True, stop_tokens=fim.stop_tokens)


def _fim_of(model: ServedModel, settings: Settings) -> FillInTheMiddle:
    if model.fim is not None:
        return model.fim
    able = [entry.name for entry in load_catalogue(settings.catalogue).values() if entry.fim]
    raise InvalidRequest(
        f"{model.name} was not trained to fill in the middle of a text.",
        where="model",
        hint=f"These models of the catalogue were: {', '.join(able)}.",
    )
