"""`POST /v1/tokenize` and `POST /v1/detokenize`, in vLLM's form.

Source: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#tokenizer-api
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from galerne.protocol.answers import AnswerModel, Optional
from galerne.protocol.messages import Message, ProtocolModel
from galerne.protocol.unsupported import only


class TokenizeRequest(ProtocolModel):
    """A text (`prompt`), as a completion would see it, or a conversation (`messages`), as a chat would."""

    model: str = Field(min_length=1, max_length=1024)
    prompt: str | None = None
    messages: Annotated[list[Message], Field(min_length=1, fail_fast=True)] | None = None
    add_special_tokens: bool | None = Field(
        None,
        description="Begin a `prompt` as the model's texts begin; true by default. A chat template does it itself.",
    )
    return_token_strs: bool | None = Field(None, description="Tell the tokens' spellings, too.")

    # Not implemented.
    add_generation_prompt: Annotated[Any, only(True)] = None
    chat_template: Annotated[Any, only()] = None
    chat_template_kwargs: Annotated[Any, only({})] = None
    continue_final_message: Annotated[Any, only(False)] = None  # a last message with `prefix` says the same
    media_io_kwargs: Annotated[Any, only({})] = None
    mm_processor_kwargs: Annotated[Any, only({})] = None
    tools: Annotated[Any, only([])] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("say either `prompt` or `messages`")
        if self.messages is not None and self.add_special_tokens:
            raise ValueError("`add_special_tokens` goes with `prompt`: a chat template adds what it wants itself")
        return self


class TokenizeResponse(AnswerModel):
    count: int
    max_model_len: int  # tokens of the model's context
    tokens: list[int]
    token_strs: Optional[list[str]] = None


class DetokenizeRequest(ProtocolModel):
    model: str = Field(min_length=1, max_length=1024)
    tokens: Annotated[list[Annotated[int, Field(ge=0)]], Field(fail_fast=True)]


class DetokenizeResponse(AnswerModel):
    prompt: str
