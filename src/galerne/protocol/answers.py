"""What `POST /v1/chat/completions` answers, whole or in chunks: the union of what both official clients read."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Value = TypeVar("Value")
Optional = Annotated[Value | None, Field(exclude_if=lambda value: value is None)]
"""A field that is left out where it says nothing."""

FinishReason = Literal["stop", "length", "tool_calls", "error"]


class AnswerModel(BaseModel):
    """What Galerne says: built by itself, so checked by types and tests alone."""

    model_config = ConfigDict(frozen=True)


class NamedEvent(AnswerModel):
    """An event of a stream, by its name."""

    type: str


class NumberedEvent(NamedEvent):
    """An event with a number, by which a client that lost the stream says how far it had come."""

    number: int  # rises from event to event


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


class CompletionTokensDetails(AnswerModel):
    reasoning_tokens: int


class Usage(AnswerModel):
    """Tokens, as the engine counted them. With `n` answers the prompt counts once."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: Optional[CompletionTokensDetails] = None  # where there was reasoning


class CalledFunction(AnswerModel):
    name: str
    arguments: str  # JSON


class AnswerCall(AnswerModel):
    """A call of a tool or, in streams to `openai`, a piece of one: the first has the id, all others only arguments."""

    index: int  # of the choice's calls
    id: Optional[str] = None  # in the first piece
    type: Literal["function"] = "function"
    function: CalledFunction


class TextChunk(AnswerModel):
    type: Literal["text"] = "text"
    text: str


class ThinkChunk(AnswerModel):
    """Reasoning, as `mistralai` reads it."""

    type: Literal["thinking"] = "thinking"
    thinking: list[TextChunk]


AnswerContent = str | list[ThinkChunk | TextChunk]
"""A list where there is reasoning before the text, for a client of Mistral's."""


class AnswerMessage(AnswerModel):
    role: Literal["assistant"] = "assistant"
    content: AnswerContent
    reasoning_content: Optional[str] = None  # where the content is a text though there is reasoning before it
    tool_calls: Optional[list[AnswerCall]] = None


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
    metadata: Optional[dict[str, Any]] = None


class MessageDelta(AnswerModel):
    role: Optional[Literal["assistant"]] = None  # in the first chunk of a choice
    content: Optional[AnswerContent] = None
    reasoning_content: Optional[str] = None
    tool_calls: Optional[list[AnswerCall]] = None


class ChunkChoice(AnswerModel):
    index: int
    delta: MessageDelta
    finish_reason: FinishReason | None = None  # in the last chunk of a choice
    logprobs: Optional[Logprobs] = None


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
    usage: Optional[Usage] = None


class ErrorObject(AnswerModel):
    """A failure. `openai` raises its message, wherever it comes."""

    message: str
    type: str  # the kind: what a program decides upon
    param: str | None = None  # the field, file or setting
    code: str


class FailedChunk(ChatChunk):
    """The last event of a stream that failed: `mistralai` sees the reason "error" in every choice that was open."""

    error: ErrorObject
