"""`POST /v1/chat/completions`: what the `mistralai` and the `openai` client may say.

Where the two have names of their own for one thing (`random_seed` and `seed`, `max_tokens` and
`max_completion_tokens`), both are understood. A field that this version does not implement is accepted only when it
asks for nothing (null, or what the clients send by default), and else refused by name; so is an unknown field.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

from galerne.protocol.messages import Message, ProtocolModel

UNSUPPORTED = "unsupported_field"
"""The type of a validation error about a field that is known and not implemented."""


def _only(*neutral: Any) -> AfterValidator:
    """Only null and these values, which ask for nothing: the field is not implemented."""

    def check(value: Any) -> Any:
        if value is None or any(value == ok and type(value) is type(ok) for ok in neutral):
            return value
        raise PydanticCustomError(UNSUPPORTED, "this version does not implement it; leave the field out")

    return AfterValidator(check)


Label = Annotated[str, Field(max_length=512)]


class StreamOptions(ProtocolModel):
    include_usage: bool | None = None  # one more chunk at the end, with the usage and no choice
    include_obfuscation: Annotated[Any, _only(False)] = None


class ChatRequest(ProtocolModel):
    """A conversation to go on with. Limits that are settings (`n`, `stop`, ...) are checked by the flow."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    model: str = Field(min_length=1, max_length=1024)
    messages: Annotated[list[Message], FailFast(), Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    # How long the answer is.
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1, description="`openai`'s newer name for `max_tokens`.")
    min_tokens: int | None = Field(None, ge=0, description="No end of the answer before so many tokens.")
    stop: Annotated[str, Field(min_length=1)] | list[Annotated[str, Field(min_length=1)]] | None = None
    n: int | None = Field(None, ge=1, description="How many answers.")

    # How the next token is chosen.
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0, le=1_000_000, description="0: all.")
    min_p: float | None = Field(None, ge=0, le=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    repetition_penalty: float | None = Field(None, gt=0, le=10)
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = Field(
        None, description="What is added to the logit of a token, by the token's number."
    )
    seed: int | None = Field(None, ge=-(2**63), lt=2**64)
    random_seed: int | None = Field(None, ge=-(2**63), lt=2**64, description="`mistralai`'s name for `seed`.")

    # What is told besides the text.
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0)

    # Labels: without effect on the answer. `metadata` comes back with it.
    metadata: dict[str, Any] | None = None
    user: Label | None = None
    safety_identifier: Label | None = None
    prompt_cache_key: Label | None = Field(None, description="A hint; equal beginnings share the cache anyway.")

    # Not implemented.
    audio: Annotated[Any, _only()] = None
    function_call: Annotated[Any, _only("none", "auto")] = None
    functions: Annotated[Any, _only([])] = None
    guardrails: Annotated[Any, _only([])] = None
    modalities: Annotated[Any, _only(["text"])] = None
    moderation: Annotated[Any, _only()] = None
    parallel_tool_calls: Annotated[Any, _only(True, False)] = None  # says nothing where there are no tools
    prediction: Annotated[Any, _only()] = None
    prompt_cache_options: Annotated[Any, _only()] = None
    prompt_cache_retention: Annotated[Any, _only("in_memory")] = None
    prompt_logprobs: Annotated[Any, _only(False)] = None
    prompt_mode: Annotated[Any, _only()] = None
    reasoning_effort: Annotated[Any, _only("none")] = None
    response_format: Annotated[Any, _only({"type": "text"}, {})] = None
    safe_prompt: Annotated[Any, _only(False)] = None
    service_tier: Annotated[Any, _only("auto", "default", "standard_only")] = None
    store: Annotated[Any, _only(False)] = None
    tool_choice: Annotated[Any, _only("none", "auto")] = None
    tools: Annotated[Any, _only([])] = None
    top_prompt_logprobs: Annotated[Any, _only(0)] = None
    verbosity: Annotated[Any, _only("medium")] = None
    web_search_options: Annotated[Any, _only()] = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        _same("max_tokens", self.max_tokens, "max_completion_tokens", self.max_completion_tokens)
        _same("seed", self.seed, "random_seed", self.random_seed)
        if self.top_logprobs and not self.logprobs:
            raise ValueError("`top_logprobs` needs `logprobs: true`")
        if self.stream_options is not None and not self.stream:
            raise ValueError("`stream_options` needs `stream: true`")
        if self.answer_tokens is not None and (self.min_tokens or 0) > self.answer_tokens:
            raise ValueError("`min_tokens` is more than `max_tokens`")
        return self

    @property
    def answer_tokens(self) -> int | None:
        """The longest answer asked for, by either name."""
        return self.max_tokens if self.max_tokens is not None else self.max_completion_tokens

    @property
    def any_seed(self) -> int | None:
        """The seed, by either name."""
        return self.seed if self.seed is not None else self.random_seed

    @property
    def stop_strings(self) -> tuple[str, ...]:
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)


def _same(name: str, value: object, other: str, other_value: object) -> None:
    if value is not None and other_value is not None and value != other_value:
        raise ValueError(f"`{name}` and `{other}` are two names for one thing and differ")
