"""What asks a model for the text that belongs between two others."""

from __future__ import annotations

from galerne.errors import InvalidRequest
from galerne.flows.answer_events import Prompt
from galerne.flows.served import ServedModel
from galerne.prompt.conversation import check_length
from galerne.prompt.fim import FillInTheMiddle
from galerne.settings import Settings
from galerne.weights.catalogue import load_catalogue


def fim_prompt(before: str, after: str, model: ServedModel, settings: Settings, where: str) -> Prompt:
    """The prompt for what is between `before` and `after`. Raises `InvalidRequest`, `PromptTooLong`."""
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
