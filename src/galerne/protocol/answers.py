"""What `POST /v1/chat/completions` answers, whole or in chunks: the union of what both official clients read."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

FinishReason = Literal["stop", "length", "error"]


class AnswerModel(BaseModel):
    """What Galerne says: built by itself, so checked by types and tests alone."""

    model_config = ConfigDict(frozen=True)


class TokenAlternative(AnswerModel):
    """A token that could have been chosen, and the natural logarithm of its probability."""

    token: str
    logprob: float  # at least -9999, as JSON knows no infinity
    bytes: list[int]
    token_id: int


class TokenLogprob(TokenAlternative):
    top_logprobs: list[TokenAlternative]


class Logprobs(AnswerModel):
    content: list[TokenLogprob]


class PromptTokensDetails(AnswerModel):
    cached_tokens: int


class Usage(AnswerModel):
    """Tokens, as the engine counted them. With `n` answers the prompt counts once."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails


class AnswerMessage(AnswerModel):
    role: Literal["assistant"] = "assistant"
    content: str


class Choice(AnswerModel):
    index: int
    message: AnswerMessage
    finish_reason: FinishReason
    logprobs: Logprobs | None = None


class ChatResponse(AnswerModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int  # seconds since 1970
    model: str
    system_fingerprint: str  # equal fingerprints: equal requests with a seed give equal answers
    choices: list[Choice]
    usage: Usage
    metadata: dict[str, Any] | None = None


class Delta(AnswerModel):
    role: Literal["assistant"] | None = None  # in the first chunk of a choice
    content: str | None = None


class ChunkChoice(AnswerModel):
    index: int
    delta: Delta
    finish_reason: FinishReason | None = None  # in the last chunk of a choice
    logprobs: Logprobs | None = None


class ChatChunk(AnswerModel):
    """One event of a stream.

    The usage comes with the last chunk, as `mistralai` reads it, or with `stream_options.include_usage` in a chunk of
    its own, as `openai` does.
    """

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
