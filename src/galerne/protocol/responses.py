"""`/v1/responses`: what `openai` may say, and what it is told."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.generation import Label
from galerne.protocol.limits import limited
from galerne.protocol.messages import ProtocolModel, tagged
from galerne.protocol.metadata import Described
from galerne.protocol.reasoning import ReasoningEffort
from galerne.protocol.response_format import AnswerSchema, ResponseFormat
from galerne.protocol.response_items import Item
from galerne.protocol.tools import (
    AllowedTools,
    AllowedToolsChoice,
    Function,
    FunctionName,
    NamedTool,
    Tool,
    ToolChoice,
)
from galerne.protocol.unsupported import functions_only, only

ResponseStatus = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]


class TextFormat(ProtocolModel):
    """The form of what is said."""

    model_config = tagged("type")

    type: Literal["text"] = "text"


class JsonFormat(ProtocolModel):
    type: Literal["json_object"]


class SchemaFormat(AnswerSchema):
    type: Literal["json_schema"]


class TextOptions(ProtocolModel):
    format: Annotated[TextFormat | JsonFormat | SchemaFormat, Field(discriminator="type")] | None = None
    verbosity: Annotated[Any, only("medium")] = None


class Reasoning(ProtocolModel):
    effort: ReasoningEffort | None = None
    summary: Annotated[Any, only()] = None
    generate_summary: Annotated[Any, only()] = None


class FunctionTool(Function):
    """A function that the client runs."""

    type: Literal["function"] = "function"
    allowed_callers: Annotated[Any, only(["direct"])] = None
    defer_loading: Annotated[Any, only(False)] = None
    output_schema: Annotated[Any, only()] = None


class ChosenTool(FunctionName):
    """This tool, and no other."""

    type: Literal["function"]


class ChosenTools(ProtocolModel):
    """Only some of the tools."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: list[ChosenTool] = Field(min_length=1)


class AskedFields(ProtocolModel):
    """What decides what the model is asked, beside the input."""

    model: str = Field(min_length=1, max_length=1024)
    instructions: str | None = None
    previous_response_id: Label | None = None
    reasoning: Reasoning | None = None
    text: TextOptions | None = None
    tools: list[Annotated[FunctionTool, functions_only]] | None = Field(None, json_schema_extra=limited("max_tools"))
    tool_choice: Literal["none", "auto", "required"] | ChosenTool | ChosenTools | None = None
    parallel_tool_calls: bool | None = None
    truncation: Annotated[Any, only("disabled")] = None  # not implemented

    @property
    def chat_tools(self) -> list[Tool]:
        """The tools, as chats know them."""
        names = Function.model_fields
        return [Tool(function=Function(**{name: getattr(tool, name) for name in names})) for tool in self.tools or ()]

    @property
    def completion_args(self) -> CompletionArgs:
        return CompletionArgs(
            response_format=_format(self.text),
            tool_choice=_choice(self.tool_choice),
            parallel_tool_calls=self.parallel_tool_calls,
            reasoning_effort=self.reasoning.effort if self.reasoning else None,
        )


class ResponseFields(AskedFields, Described):
    """What is asked for, as the response says it again."""

    max_output_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    background: bool | None = Field(None, description="Answer at once, and go on by itself.")

    # Labels: without effect on the answer.
    user: Label | None = None
    safety_identifier: Label | None = None
    prompt_cache_key: Label | None = None

    # Not implemented.
    max_tool_calls: Annotated[Any, only()] = None
    service_tier: Annotated[Any, only("auto", "default")] = None
    top_logprobs: Annotated[Any, only(0)] = None

    @property
    def completion_args(self) -> CompletionArgs:
        own = CompletionArgs(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_output_tokens)
        return own.over(super().completion_args)


class ResponseStreamOptions(ProtocolModel):
    include_obfuscation: Annotated[Any, only(False)] = None


Input = str | Annotated[list[Item], Field(fail_fast=True)]


class InputTokensRequest(AskedFields):
    """`POST /v1/responses/input_tokens`."""

    input: Input | None = None

    # Not implemented.
    conversation: Annotated[Any, only()] = None
    personality: Annotated[Any, only()] = None


class InputTokens(ProtocolModel):
    object: Literal["response.input_tokens"] = "response.input_tokens"
    input_tokens: int


class ResponseRequest(ResponseFields):
    """A question, or what goes on from an earlier response."""

    input: Input | None = None
    store: bool | None = Field(None, description="Keep the response; true by default.")
    stream: bool | None = None
    stream_options: ResponseStreamOptions | None = None

    # Not implemented.
    access_programs: Annotated[Any, only()] = None
    background_options: Annotated[Any, only()] = None
    context_management: Annotated[Any, only([])] = None
    conversation: Annotated[Any, only()] = None
    image: Annotated[Any, only()] = None
    include: Annotated[Any, only([])] = None
    moderation: Annotated[Any, only()] = None
    prompt: Annotated[Any, only()] = None
    prompt_cache_options: Annotated[Any, only()] = None
    prompt_cache_retention: Annotated[Any, only("in_memory")] = None

    @model_validator(mode="after")
    def _can_be_found_again(self) -> Self:
        if self.background and self.store is False:
            raise ValueError("a response in the `background` is kept: leave `store` out")
        return self


class ResponseFailure(ProtocolModel):
    code: Literal["server_error"] = "server_error"  # the only one of the client's that is true here
    message: str


class IncompleteDetails(ProtocolModel):
    reason: Literal["max_output_tokens"] = "max_output_tokens"


class InputTokensDetails(ProtocolModel):
    cached_tokens: int
    cache_write_tokens: int = 0


class OutputTokensDetails(ProtocolModel):
    reasoning_tokens: int = 0


class ResponseUsage(ProtocolModel):
    """Tokens, as the engine counted them."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails = OutputTokensDetails()
    total_tokens: int


class KeptResponse(ResponseFields):
    """What is kept of a response besides its items."""

    asked: str  # the id of the last entry of its input
    status: ResponseStatus = "in_progress"
    completed_at: float | None = None  # seconds since 1970
    error: ResponseFailure | None = None
    incomplete_details: IncompleteDetails | None = None
    usage: ResponseUsage | None = None


class ResponseObject(ProtocolModel):
    """A response, as far as it has come."""

    id: str
    object: Literal["response"] = "response"
    created_at: float  # seconds since 1970
    completed_at: float | None
    status: ResponseStatus
    background: bool
    error: ResponseFailure | None
    incomplete_details: IncompleteDetails | None
    instructions: str | None
    max_output_tokens: int | None
    metadata: dict[str, Any]
    model: str
    output: list[Item]
    parallel_tool_calls: bool
    previous_response_id: str | None
    prompt_cache_key: str | None
    reasoning: Reasoning
    safety_identifier: str | None
    service_tier: Literal["default"] = "default"
    temperature: float | None
    text: TextOptions
    tool_choice: Literal["none", "auto", "required"] | ChosenTool | ChosenTools
    tools: list[FunctionTool]
    top_logprobs: int = 0
    top_p: float | None
    truncation: Literal["disabled"] = "disabled"
    usage: ResponseUsage | None
    user: str | None


class ResponseQuery(ProtocolModel):
    """How a response is looked at. None of it is implemented."""

    include: Annotated[Any, only([])] = None
    include_obfuscation: Annotated[Any, only("false")] = None
    starting_after: Annotated[Any, only()] = None
    stream: Annotated[Any, only("false")] = None


class ResponseDeleted(ProtocolModel):
    id: str
    object: Literal["response"] = "response"
    deleted: Literal[True] = True


def _format(text: TextOptions | None) -> ResponseFormat | None:
    match text and text.format:
        case SchemaFormat() as form:
            schema = AnswerSchema(name=form.name, schema=form.answers, description=form.description, strict=form.strict)
            return ResponseFormat(type="json_schema", json_schema=schema)
        case JsonFormat():
            return ResponseFormat(type="json_object")
        case _:
            return None


def _choice(choice: str | ChosenTool | ChosenTools | None) -> ToolChoice | None:
    match choice:
        case ChosenTool():
            return _named(choice)
        case ChosenTools():
            allowed = AllowedTools(mode=choice.mode, tools=[_named(tool) for tool in choice.tools])
            return AllowedToolsChoice(type="allowed_tools", allowed_tools=allowed)
        case "none" | "auto" | "required" | None:
            return choice
    raise AssertionError(choice)


def _named(tool: ChosenTool) -> NamedTool:
    return NamedTool(function=FunctionName(name=tool.name))
