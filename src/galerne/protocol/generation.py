"""What every request for generated text may say, in the words of the `mistralai` and the `openai` client.

Where the two have names of their own for one thing (`random_seed` and `seed`, `max_tokens` and
`max_completion_tokens`), both are understood.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from galerne.protocol.limits import limited
from galerne.protocol.messages import JsonObject, ProtocolModel
from galerne.protocol.unsupported import only

Label = Annotated[str, Field(max_length=512)]
Stops = Annotated[list[Annotated[str, Field(min_length=1)]], Field(json_schema_extra=limited("max_stop_strings"))]


class StreamOptions(ProtocolModel):
    include_usage: bool | None = None  # one more chunk at the end, with the usage and no choice
    include_obfuscation: Annotated[Any, only(False)] = None


class GenerationFields(ProtocolModel):
    """The model, how long an answer is, how its tokens are chosen. Limits that are settings are checked by the flow."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    alternatives_field: ClassVar[str] = "top_logprobs"
    """The field behind `alternatives`."""

    model: str = Field(min_length=1, max_length=1024)
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    # How long the answer is.
    max_tokens: int | None = Field(None, ge=1)
    min_tokens: int | None = Field(None, ge=0, description="No end of the answer before so many tokens.")
    stop: Annotated[str, Field(min_length=1)] | Stops | None = None
    n: int | None = Field(None, ge=1, description="How many answers.", json_schema_extra=limited("max_choices"))

    # How the next token is chosen.
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0, le=1_000_000, description="0: all.")
    min_p: float | None = Field(None, ge=0, le=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    repetition_penalty: float | None = Field(None, gt=0, le=10)
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = Field(
        None,
        description="What is added to the logit of a token, by the token's number.",
        json_schema_extra=limited("max_logit_bias"),
    )
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    random_seed: int | None = Field(None, ge=-(2**63), lt=2**63, description="`mistralai`'s name for `seed`.")

    # Labels: without effect on the answer. `metadata` comes back with it.
    metadata: JsonObject | None = None
    user: Label | None = None
    prompt_cache_key: Label | None = Field(None, description="A hint; equal beginnings share the cache anyway.")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        same("seed", self.seed, "random_seed", self.random_seed)
        if self.stream_options is not None and not self.stream:
            raise ValueError("`stream_options` needs `stream: true`")
        if self.answer_tokens is not None and (self.min_tokens or 0) > self.answer_tokens:
            raise ValueError("`min_tokens` is more than `max_tokens`")
        return self

    @property
    def answer_tokens(self) -> int | None:
        """The longest answer asked for, by any name."""
        return self.max_tokens

    @property
    def candidates(self) -> int:
        """Answers that are written to each prompt, whether or not all of them are told."""
        return self.n or 1

    @property
    def alternatives(self) -> int | None:
        """None: no log-probabilities; n: those of the chosen tokens, and of the n best ones beside each."""
        return None

    @property
    def tells_tokens(self) -> bool:
        """Whether the numbers of an answer's tokens are asked for."""
        return False

    @property
    def any_seed(self) -> int | None:
        """The seed, by either name."""
        return self.seed if self.seed is not None else self.random_seed

    @property
    def stop_strings(self) -> tuple[str, ...]:
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)


def same(name: str, value: object, other: str, other_value: object) -> None:
    """Raises `ValueError` when two names for one thing say different things."""
    if value is not None and other_value is not None and value != other_value:
        raise ValueError(f"`{name}` and `{other}` are two names for one thing and differ")
