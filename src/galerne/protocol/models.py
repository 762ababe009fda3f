"""`GET /v1/models`: the models that a server runs, in the words of both official clients."""

from __future__ import annotations

from typing import Literal

from galerne.protocol.answers import AnswerModel


class Capabilities(AnswerModel):
    """What a model can do here, under the names that `mistralai` knows; `embeddings` is ours."""

    completion_chat: bool
    completion_fim: bool
    function_calling: bool
    embeddings: bool
    reasoning: bool
    fine_tuning: bool = False
    vision: bool = False


class ModelCard(AnswerModel):
    id: str
    object: Literal["model"] = "model"
    type: Literal["base"] = "base"
    created: int  # when the model's file was last written, seconds since 1970
    owned_by: str  # who published it
    name: str
    description: str | None = None
    max_context_length: int
    aliases: list[str]
    capabilities: Capabilities
    default_model_temperature: float | None  # None: it does not write
    licence: str | None  # SPDX identifier where there is one; None: not known
    sha256: str  # of the model's files

    # What it takes; None where no catalogue knows it.
    size: int | None  # bytes of its files
    parameters: int | None
    memory: int | None  # bytes that it needs, estimated
    fits: bool | None  # whether this machine has so much


class ModelList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]
