"""`POST /v1/chat/completions`: what the `mistralai` and the `openai` client may say."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import FailFast, Field, model_validator

from galerne.protocol.generation import GenerationFields, Label, same
from galerne.protocol.limits import limited
from galerne.protocol.messages import AssistantMessage, Message
from galerne.protocol.reasoning import Prediction, ReasoningEffort
from galerne.protocol.response_format import ResponseFormat, StructuredOutputs
from galerne.protocol.tools import AllowedToolsChoice, NamedTool, Tool, ToolChoice
from galerne.protocol.unsupported import only


class ChatRequest(GenerationFields):
    """A conversation to go on with."""

    messages: Annotated[list[Message], FailFast(), Field(min_length=1, json_schema_extra=limited("max_messages"))]
    max_completion_tokens: int | None = Field(None, ge=1, description="`openai`'s newer name for `max_tokens`.")

    # How the answer is come to.
    reasoning_effort: ReasoningEffort | None = None
    prompt_mode: Literal["reasoning"] | None = Field(None, description="Mistral's way to ask for `reasoning_effort`.")
    safe_prompt: bool | None = Field(None, description="Mistral's own words ask the model for care and respect.")
    prediction: Prediction | None = None

    # What form the answer has.
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None

    # Which tools it may call.
    tools: list[Tool] | None = Field(None, json_schema_extra=limited("max_tools"))
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = Field(None, description="False: at most one call in an answer.")

    # What is told besides the text.
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, json_schema_extra=limited("max_logprobs"))

    safety_identifier: Label | None = None  # without effect on the answer

    # Not implemented.
    audio: Annotated[Any, only()] = None
    function_call: Annotated[Any, only("none", "auto")] = None
    functions: Annotated[Any, only([])] = None
    guardrails: Annotated[Any, only([])] = None
    modalities: Annotated[Any, only(["text"])] = None
    moderation: Annotated[Any, only()] = None
    prompt_cache_options: Annotated[Any, only()] = None
    prompt_cache_retention: Annotated[Any, only("in_memory")] = None
    prompt_logprobs: Annotated[Any, only(False)] = None
    service_tier: Annotated[Any, only("auto", "default", "standard_only")] = None
    store: Annotated[Any, only(False)] = None
    top_prompt_logprobs: Annotated[Any, only(0)] = None
    verbosity: Annotated[Any, only("medium")] = None
    web_search_options: Annotated[Any, only()] = None

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        same("max_tokens", self.max_tokens, "max_completion_tokens", self.max_completion_tokens)
        if self.top_logprobs and not self.logprobs:
            raise ValueError("`top_logprobs` needs `logprobs: true`")
        if self.structured_outputs is not None and self.response_format is not None:
            raise ValueError("`structured_outputs` and `response_format` both say what form the answer has")
        last = self.messages[-1]
        if self.has_form and isinstance(last, AssistantMessage) and last.prefix:
            raise ValueError("an answer whose form is given cannot go on with a `prefix`")
        return self

    @model_validator(mode="after")
    def _tools_are_there(self) -> Self:
        names = [tool.function.name for tool in self.tools or ()]
        if len(set(names)) < len(names):
            raise ValueError("two of the `tools` have one name")
        if missing := self.chosen_tools - set(names):
            raise ValueError(f"`tool_choice` names {sorted(missing)[0]}, which is none of the `tools`")
        if self.must_call and not names:
            raise ValueError("`tool_choice` asks for a call, but there are no `tools`")
        return self

    @property
    def effort(self) -> str | None:
        """How much the model shall reason, by either name."""
        return self.reasoning_effort or ("high" if self.prompt_mode else None)

    @property
    def chosen_tools(self) -> frozenset[str]:
        """The tools that `tool_choice` names; none: all may be called."""
        match self.tool_choice:
            case NamedTool():
                return frozenset({self.tool_choice.function.name})
            case AllowedToolsChoice():
                return frozenset(tool.function.name for tool in self.tool_choice.allowed_tools.tools)
            case _:
                return frozenset()

    @property
    def may_call(self) -> bool:
        return bool(self.tools) and self.tool_choice != "none"

    @property
    def must_call(self) -> bool:
        match self.tool_choice:
            case AllowedToolsChoice():
                return self.tool_choice.allowed_tools.mode == "required"
            case NamedTool() | "any" | "required":
                return True
            case _:
                return False

    @property
    def has_form(self) -> bool:
        """Whether the answer must be more than just text."""
        free = self.response_format is None or self.response_format.type == "text"
        return self.structured_outputs is not None or not free

    @property
    def answer_tokens(self) -> int | None:
        return self.max_tokens if self.max_tokens is not None else self.max_completion_tokens

    @property
    def alternatives(self) -> int | None:
        return (self.top_logprobs or 0) if self.logprobs else None
