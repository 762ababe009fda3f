"""`POST /v1/completions`: what the `openai` client says and reads, with vLLM's fields for token ids."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from galerne.protocol.answers import AnswerModel, ErrorObject, FinishReason, Optional, Usage
from galerne.protocol.generation import GenerationFields
from galerne.protocol.inputs import Inputs, each
from galerne.protocol.limits import limited


class CompletionRequest(GenerationFields):
    """A text to go on with, or several; as token ids, if the client cuts them itself."""

    alternatives_field: ClassVar[str] = "logprobs"

    prompt: Inputs
    suffix: str | None = Field(None, description="What comes after the gap that the answer fills.")
    echo: bool | None = Field(None, description="Show the prompt before each answer.")
    logprobs: int | None = Field(
        None,
        ge=0,
        description="Log-probabilities, of so many tokens at each place.",
        json_schema_extra=limited("max_logprobs"),
    )
    return_token_ids: bool | None = Field(None, description="Tell the tokens of prompts and answers, as vLLM does.")
    best_of: int | None = Field(
        None,
        ge=1,
        description="Write so many answers, and tell the `n` whose tokens are the likeliest on average.",
        json_schema_extra=limited("max_choices"),
    )

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.echo and self.logprobs is not None:
            raise ValueError("`echo` cannot go with `logprobs`: a prompt has no log-probabilities here")
        if self.suffix is not None and self.echo:
            raise ValueError("`echo` cannot go with `suffix`")
        if self.best_of is not None and self.best_of < (self.n or 1):
            raise ValueError("`best_of` is at least `n`: the answers are chosen among so many")
        if self.is_choosy and self.stream:
            raise ValueError("`best_of` cannot go with `stream`: which answers are the best shows at their end")
        return self

    @property
    def candidates(self) -> int:
        return self.best_of or self.n or 1

    @property
    def is_choosy(self) -> bool:
        """Whether more is written than told."""
        return self.candidates > (self.n or 1)

    @property
    def prompts(self) -> list[str | list[int]]:
        """Each of them."""
        return each(self.prompt)

    @property
    def alternatives(self) -> int | None:
        return 0 if self.logprobs is None and self.is_choosy else self.logprobs

    @property
    def tells_tokens(self) -> bool:
        return bool(self.return_token_ids)


class CompletionLogprobs(AnswerModel):
    """Natural logarithms; lists with a value for each token."""

    tokens: list[str]
    token_logprobs: list[float]  # at least -9999, as JSON knows no infinity
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]  # where the token begins in the choice's text, in characters


class CompletionChoice(AnswerModel):
    index: int
    text: str
    finish_reason: FinishReason | None  # None in a chunk that is not a choice's last
    logprobs: CompletionLogprobs | None = None
    token_ids: Optional[list[int]] = None
    prompt_token_ids: Optional[list[int]] = None  # in a stream, in the choice's first chunk


class Completion(AnswerModel):
    """A whole answer, or one chunk of it."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int  # seconds since 1970
    model: str
    system_fingerprint: str
    choices: list[CompletionChoice]
    usage: Optional[Usage] = None
    metadata: Optional[dict[str, Any]] = None


class FailedCompletion(Completion):
    """The last chunk of a stream that failed."""

    error: ErrorObject
