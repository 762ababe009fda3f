"""The form that an answer must have, in the words of the `mistralai` and the `openai` client."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from galerne.protocol.messages import JsonObject, ProtocolModel


class AnswerSchema(ProtocolModel):
    """What JSON the answer must be. It is followed always, also where `strict` is not set."""

    model_config = ConfigDict(serialize_by_alias=True)  # whatever keeps one reads it again

    name: str = Field(min_length=1, max_length=64)
    answers: JsonObject = Field(alias="schema", description="JSON Schema.")
    description: str | None = Field(None, description="What it is for. The model is told.")
    strict: bool | None = None


class ResponseFormat(ProtocolModel):
    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: AnswerSchema | None = None

    @model_validator(mode="after")
    def _schema_where_it_belongs(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("`json_schema` belongs to the type `json_schema`, and to no other")
        return self


class StructuredOutputs(ProtocolModel):
    """Forms that neither client has a field for, as vLLM's server takes them (`extra_body` of the `openai` client).

    Source: https://docs.vllm.ai/en/latest/features/structured_outputs/
    """

    regex: str | None = Field(None, min_length=1, description="The answer matches it whole.")
    choice: list[Annotated[str, Field(min_length=1)]] | None = Field(None, description="The answer is one of them.")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.regex is None) == (not self.choice):
            raise ValueError("it takes either `regex` or `choice`")
        return self
