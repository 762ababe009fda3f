"""One right request of each kind, as `/docs` shows it and whoever tries a route may send it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from galerne.protocol.agents import AgentDefinition
from galerne.protocol.batches import JobRequest
from galerne.protocol.chat import ChatRequest
from galerne.protocol.chat_folders import FolderFields, PromptFields
from galerne.protocol.chats import NewChat
from galerne.protocol.completions import CompletionRequest
from galerne.protocol.conversations import ConversationRequest
from galerne.protocol.embeddings import EmbeddingRequest
from galerne.protocol.fim import FimRequest
from galerne.protocol.identity import KeyFields, KeyOrder, PersonFields, ServiceFields, WorkspaceFields
from galerne.protocol.responses import InputTokensRequest, ResponseRequest
from galerne.protocol.terms import AllowanceFields, LimitFields, PriceFields
from galerne.protocol.tokens import DetokenizeRequest, TokenizeRequest

_MODEL = "mistral-small-latest"
_QUESTION = "Where does the mistral blow?"
_MESSAGES = [{"role": "user", "content": _QUESTION}]
_TOWN_HALL = "workspace:town-hall"

EXAMPLES: Mapping[type[BaseModel], dict[str, Any]] = {
    ChatRequest: {"model": _MODEL, "messages": _MESSAGES, "max_tokens": 32},
    CompletionRequest: {"model": _MODEL, "prompt": "The mistral is a wind that", "max_tokens": 16},
    FimRequest: {
        "model": "codestral-22b-v0.1",
        "prompt": "def gusts(",
        "suffix": "    return fastest",
        "max_tokens": 32,
    },
    EmbeddingRequest: {"model": "mistral-embed", "input": ["A cold wind from the north.", "Un vent du nord."]},
    TokenizeRequest: {"model": _MODEL, "prompt": _QUESTION},
    DetokenizeRequest: {"model": _MODEL, "tokens": [1, 2, 3]},
    ConversationRequest: {"model": _MODEL, "inputs": _QUESTION, "completion_args": {"max_tokens": 32}},
    ResponseRequest: {"model": _MODEL, "input": _QUESTION, "max_output_tokens": 32},
    InputTokensRequest: {"model": _MODEL, "input": _QUESTION},
    AgentDefinition: {"model": _MODEL, "name": "Forecaster", "instructions": "Answer in one sentence."},
    JobRequest: {
        "endpoint": "/v1/chat/completions",
        "model": _MODEL,
        "requests": [{"custom_id": "first", "body": {"messages": _MESSAGES, "max_tokens": 16}}],
    },
    NewChat: {"title": "Winds", "model": _MODEL},
    FolderFields: {"name": "Weather"},
    PromptFields: {"title": "Summary", "content": "Sum this up in three sentences:"},
    KeyFields: {"name": "laptop", "scopes": ["chat", "models:read"]},
    KeyOrder: {"name": "importer", "user": "local"},
    PersonFields: {"email": "mireille@town.example", "name": "Mireille"},
    ServiceFields: {"name": "importer"},
    WorkspaceFields: {"id": "town-hall", "name": "Town hall"},
    LimitFields: {"subject": _TOWN_HALL, "measure": "tokens_per_minute", "most": 100_000},
    AllowanceFields: {"subject": _TOWN_HALL, "models": ["smollm2-135m-instruct"]},
    PriceFields: {"model": "smollm2-135m-instruct", "kind": "output", "euros_per_million": "0.25"},
}
