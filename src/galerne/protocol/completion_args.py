"""How a conversation's answers are made: what `mistralai` calls completion arguments."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from galerne.protocol.generation import Stops
from galerne.protocol.messages import ProtocolModel
from galerne.protocol.reasoning import Prediction, ReasoningEffort
from galerne.protocol.response_format import ResponseFormat
from galerne.protocol.tools import ToolChoice


class CompletionArgs(ProtocolModel):
    """Fields of a chat request, with the same meaning."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    stop: Annotated[str, Field(min_length=1)] | Stops | None = None
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    random_seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    response_format: ResponseFormat | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    prediction: Prediction | None = None
    reasoning_effort: ReasoningEffort | None = None

    def over(self, others: CompletionArgs | None) -> CompletionArgs:
        """These, and where they say nothing, the others."""
        said = {name: value for name in self.model_fields_set if (value := getattr(self, name)) is not None}
        return self if others is None else others.model_copy(update=said)
