"""Whatever the official clients can say is known here: done, or refused by its name. A new version of a client that can
say more fails this."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from mistralai.client import beta_agents as agents
from mistralai.client import files, jobs
from mistralai.client import models as mistral
from mistralai.client.chat import Chat
from openai.types import (
    batch_create_params,
    batch_list_params,
    completion_create_params,
    embedding_create_params,
    file_create_params,
    file_list_params,
)
from openai.types.chat import (
    chat_completion_allowed_tools_param,
    chat_completion_content_part_text_param,
    chat_completion_function_tool_param,
    chat_completion_prediction_content_param,
    chat_completion_stream_options_param,
)
from openai.types.chat import completion_create_params as chat_params
from openai.types.responses import (
    input_item_list_params,
    input_token_count_params,
    response_create_params,
    response_retrieve_params,
)
from openai.types.shared_params import function_definition, response_format_json_schema
from pydantic import BaseModel

from galerne.protocol.agents import AgentDefinition, AgentPageQuery, AgentQuery, UpdateAgentRequest
from galerne.protocol.batches import BatchQuery, BatchRequest, InlineRequest, JobQuery, JobRequest
from galerne.protocol.chat import ChatRequest
from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.completions import CompletionRequest
from galerne.protocol.conversations import (
    ConversationAppendRequest,
    ConversationRequest,
    ConversationRestartRequest,
)
from galerne.protocol.embeddings import EmbeddingRequest
from galerne.protocol.files import FileQuery, UploadFields
from galerne.protocol.fim import FimRequest
from galerne.protocol.generation import StreamOptions
from galerne.protocol.messages import TextPart
from galerne.protocol.reasoning import Prediction
from galerne.protocol.response_format import AnswerSchema, ResponseFormat
from galerne.protocol.response_items import ItemQuery
from galerne.protocol.responses import InputTokensRequest, ResponseQuery, ResponseRequest
from galerne.protocol.tools import AllowedTools, Function, Tool

# What their clients say -> what we understand.
OPENAI: list[tuple[type, type[BaseModel]]] = [
    (chat_params.CompletionCreateParamsStreaming, ChatRequest),
    (chat_params.CompletionCreateParamsNonStreaming, ChatRequest),
    (chat_completion_stream_options_param.ChatCompletionStreamOptionsParam, StreamOptions),
    (response_format_json_schema.ResponseFormatJSONSchema, ResponseFormat),
    (response_format_json_schema.JSONSchema, AnswerSchema),
    (chat_completion_function_tool_param.ChatCompletionFunctionToolParam, Tool),
    (function_definition.FunctionDefinition, Function),
    (chat_completion_allowed_tools_param.ChatCompletionAllowedToolsParam, AllowedTools),
    (chat_completion_prediction_content_param.ChatCompletionPredictionContentParam, Prediction),
    (chat_completion_content_part_text_param.ChatCompletionContentPartTextParam, TextPart),
    (completion_create_params.CompletionCreateParamsNonStreaming, CompletionRequest),
    (completion_create_params.CompletionCreateParamsStreaming, CompletionRequest),
    (embedding_create_params.EmbeddingCreateParams, EmbeddingRequest),
    (file_create_params.FileCreateParams, UploadFields),
    (file_list_params.FileListParams, FileQuery),
    (batch_create_params.BatchCreateParams, BatchRequest),
    (batch_list_params.BatchListParams, BatchQuery),
    (response_create_params.ResponseCreateParamsNonStreaming, ResponseRequest),
    (response_create_params.ResponseCreateParamsStreaming, ResponseRequest),
    (input_token_count_params.InputTokenCountParams, InputTokensRequest),
    (response_retrieve_params.ResponseRetrieveParamsBase, ResponseQuery),
    (input_item_list_params.InputItemListParams, ItemQuery),
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
    (mistral.FIMCompletionRequest, FimRequest),
    (mistral.FIMCompletionStreamRequest, FimRequest),
    (mistral.EmbeddingRequest, EmbeddingRequest),
    (mistral.ConversationRequest, ConversationRequest),
    (mistral.ConversationStreamRequest, ConversationRequest),
    (mistral.ConversationAppendRequest, ConversationAppendRequest),
    (mistral.ConversationAppendStreamRequest, ConversationAppendRequest),
    (mistral.ConversationRestartRequest, ConversationRestartRequest),
    (mistral.ConversationRestartStreamRequest, ConversationRestartRequest),
    (mistral.CompletionArgs, CompletionArgs),
    (mistral.CreateAgentRequest, AgentDefinition),
    (mistral.UpdateAgentRequest, UpdateAgentRequest),
    (mistral.CreateBatchJobRequest, JobRequest),
    (mistral.BatchRequest, InlineRequest),
]
LISTS: list[tuple[Any, type[BaseModel]]] = [
    (files.Files.list, FileQuery),
    (jobs.Jobs.list, JobQuery),
    (agents.BetaAgents.list, AgentQuery),
    (agents.BetaAgents.list_pages, AgentPageQuery),
]
REFUSED = {"prompt_cache_breakpoint", "include"}
"""Of parts, tools and lists, which are strict: what is not known is refused by its name."""
OF_THE_CLIENT = {"self", "retries", "server_url", "timeout_ms", "http_headers"}
APART = {"file", "expires_after"}
"""Of a form: its file, and a field that comes as two."""


def known(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(("theirs", "ours"), OPENAI)
def test_openai(theirs: type, ours: type[BaseModel]) -> None:
    said = {name for each in theirs.__mro__ for name in getattr(each, "__annotations__", ())}
    assert said - known(ours) - REFUSED - APART == set()


@pytest.mark.parametrize(("theirs", "ours"), MISTRAL)
def test_mistral(theirs: type[BaseModel], ours: type[BaseModel]) -> None:
    said = {field.alias or name for name, field in theirs.model_fields.items()}
    assert said - known(ours) == set()


@pytest.mark.parametrize(("method", "ours"), LISTS)
def test_what_mistrals_lists_look_for(method: Any, ours: type[BaseModel]) -> None:
    assert set(inspect.signature(method).parameters) - OF_THE_CLIENT - known(ours) - {"metadata"} == set()


@pytest.mark.parametrize("method", [Chat.complete, Chat.stream])
def test_what_mistrals_methods_take(method: Any) -> None:
    assert set(inspect.signature(method).parameters) - OF_THE_CLIENT - known(ChatRequest) == set()


@pytest.mark.parametrize("model", sorted({ours for _, ours in [*OPENAI, *MISTRAL]}, key=lambda ours: ours.__name__))
def test_what_is_not_known_is_refused(model: type[BaseModel]) -> None:
    assert model.model_config["extra"] == "forbid"
