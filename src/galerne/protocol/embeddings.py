"""`POST /v1/embeddings`: what the `mistralai` and the `openai` client say and read."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from galerne.protocol.answers import AnswerModel, Optional
from galerne.protocol.generation import Label, same
from galerne.protocol.inputs import Inputs, each
from galerne.protocol.messages import JsonObject, ProtocolModel

Dtype = Literal["float", "int8", "uint8", "binary", "ubinary"]


class EmbeddingRequest(ProtocolModel):
    """Texts; or their token ids, with those of their beginning and end, as `/v1/tokenize` gives them."""

    model: str = Field(min_length=1, max_length=1024)
    input: Inputs
    encoding_format: Literal["float", "base64"] | None = None
    output_dtype: Dtype | None = Field(None, description="What numbers a vector is made of.")
    dimensions: int | None = Field(None, ge=1, description="Only the model's own number: its vectors are not cut.")
    output_dimension: int | None = Field(None, ge=1, description="`mistralai`'s name for `dimensions`.")

    # Labels: without effect on the answer. `metadata` comes back with it.
    metadata: JsonObject | None = None
    user: Label | None = None

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        same("dimensions", self.dimensions, "output_dimension", self.output_dimension)
        return self

    @property
    def inputs(self) -> list[str | list[int]]:
        """Each of them."""
        return each(self.input)

    @property
    def any_dimensions(self) -> int | None:
        """The size asked for, by either name."""
        return self.dimensions if self.dimensions is not None else self.output_dimension


class EmbeddingData(AnswerModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | list[int] | str  # numbers, or their bytes (little-endian) in base64


class EmbeddingUsage(AnswerModel):
    prompt_tokens: int
    completion_tokens: int = 0
    total_tokens: int


class EmbeddingResponse(AnswerModel):
    id: str
    object: Literal["list"] = "list"
    data: list[EmbeddingData]
    model: str
    usage: EmbeddingUsage
    metadata: Optional[JsonObject] = None
