"""Whatever the official clients can say is known here: done, or refused by its name. A new version of a client that can
say more fails this."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from mistralai.client import models as mistral
from mistralai.client.chat import Chat
from openai.types.chat import (
    chat_completion_allowed_tools_param,
    chat_completion_content_part_text_param,
    chat_completion_function_tool_param,
    chat_completion_prediction_content_param,
    chat_completion_stream_options_param,
)
from openai.types.chat import completion_create_params as openai
from openai.types.shared_params import function_definition, response_format_json_schema
from pydantic import BaseModel

from galerne.protocol.chat import ChatRequest
from galerne.protocol.generation import StreamOptions
from galerne.protocol.messages import TextPart
from galerne.protocol.reasoning import Prediction
from galerne.protocol.response_format import AnswerSchema, ResponseFormat
from galerne.protocol.tools import AllowedTools, Function, Tool

# What their clients say -> what we understand.
OPENAI: list[tuple[type, type[BaseModel]]] = [
    (openai.CompletionCreateParamsStreaming, ChatRequest),
    (openai.CompletionCreateParamsNonStreaming, ChatRequest),
    (chat_completion_stream_options_param.ChatCompletionStreamOptionsParam, StreamOptions),
    (response_format_json_schema.ResponseFormatJSONSchema, ResponseFormat),
    (response_format_json_schema.JSONSchema, AnswerSchema),
    (chat_completion_function_tool_param.ChatCompletionFunctionToolParam, Tool),
    (function_definition.FunctionDefinition, Function),
    (chat_completion_allowed_tools_param.ChatCompletionAllowedToolsParam, AllowedTools),
    (chat_completion_prediction_content_param.ChatCompletionPredictionContentParam, Prediction),
    (chat_completion_content_part_text_param.ChatCompletionContentPartTextParam, TextPart),
]
MISTRAL: list[tuple[type[BaseModel], type[BaseModel]]] = [
    (mistral.ChatCompletionRequest, ChatRequest),
    (mistral.ChatCompletionStreamRequest, ChatRequest),
    (mistral.ResponseFormat, ResponseFormat),
    (mistral.JSONSchema, AnswerSchema),
    (mistral.Tool, Tool),
    (mistral.Function, Function),
    (mistral.Prediction, Prediction),
    (mistral.TextChunk, TextPart),
]
REFUSED = {"prompt_cache_breakpoint"}
"""Of parts and tools, which are strict: what is not known is refused by its name."""


def known(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(("theirs", "ours"), OPENAI)
def test_openai(theirs: type, ours: type[BaseModel]) -> None:
    said = {name for each in theirs.__mro__ for name in getattr(each, "__annotations__", ())}
    assert said - known(ours) - REFUSED == set()


@pytest.mark.parametrize(("theirs", "ours"), MISTRAL)
def test_mistral(theirs: type[BaseModel], ours: type[BaseModel]) -> None:
    said = {field.alias or name for name, field in theirs.model_fields.items()}
    assert said - known(ours) == set()


@pytest.mark.parametrize("method", [Chat.complete, Chat.stream])
def test_what_mistrals_methods_take(method: Any) -> None:
    of_the_client = {"self", "retries", "server_url", "timeout_ms", "http_headers"}
    assert set(inspect.signature(method).parameters) - of_the_client - known(ChatRequest) == set()


@pytest.mark.parametrize("model", list(dict.fromkeys(ours for _, ours in [*OPENAI, *MISTRAL])))
def test_what_is_not_known_is_refused(model: type[BaseModel]) -> None:
    assert model.model_config["extra"] == "forbid"
