"""`GET /v1/models`: the models that a server runs, in the words of both official clients."""

from __future__ import annotations

from typing import Literal

from galerne.protocol.answers import AnswerModel


class Capabilities(AnswerModel):
    completion_chat: bool = True
    completion_fim: bool = False
    function_calling: bool = False
    fine_tuning: bool = False
    vision: bool = False


class ModelCard(AnswerModel):
    id: str
    object: Literal["model"] = "model"
    type: Literal["base"] = "base"
    created: int  # when the model's file was last written, seconds since 1970
    owned_by: str = "galerne"
    name: str
    description: str | None = None
    max_context_length: int
    aliases: list[str]
    capabilities: Capabilities = Capabilities()
    default_model_temperature: float
    sha256: str  # of the model's files


class ModelList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]
