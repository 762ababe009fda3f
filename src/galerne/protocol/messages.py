"""A conversation as clients send it: the messages that both the `mistralai` and the `openai` client know.

Strict: an unknown field is an error, never ignored. Where a client sends back what an answer held (`refusal`, `audio`,
...), the empty value is accepted and no other. Parts that are not text are parsed, so that a model that reads text only
can refuse them by name.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from galerne.protocol.unsupported import only


class ProtocolModel(BaseModel):
    """What a client says: every field known, of just its own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def tagged(field: str) -> ConfigDict:
    """For a model with a default tag, which clients must say: it tells which one of several models is meant."""

    def require(schema: dict[str, Any]) -> None:
        schema["required"] = list(dict.fromkeys([field, *schema.get("required", [])]))

    return ConfigDict(json_schema_extra=require)


def finite(value: dict[str, Any]) -> dict[str, Any]:
    """Raises `ValueError` for NaN and the infinities, which parsers know and JSON does not."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("a number in it is not finite") from None
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(finite)]
"""Whatever a client likes to say."""


class TextPart(ProtocolModel):
    model_config = tagged("type")

    type: Literal["text"] = "text"
    text: str


def _says_type(value: Any) -> Any:
    if isinstance(value, dict) and "type" not in value:
        raise ValueError("a part says its `type`")
    return value


TextParts = list[Annotated[TextPart, BeforeValidator(_says_type)]]


class ImageUrl(ProtocolModel):
    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class ImagePart(ProtocolModel):
    type: Literal["image_url"]
    image_url: str | ImageUrl


class ThinkingPart(ProtocolModel):
    """An earlier answer's reasoning, as `mistralai` sends it back."""

    type: Literal["thinking"]
    thinking: TextParts
    closed: bool | None = None
    signature: None = None


Part = Annotated[TextPart | ImagePart | ThinkingPart, Field(discriminator="type")]
Content = str | list[Part]


def as_json(arguments: Any) -> Any:
    """`mistralai` may send the arguments as an object, `openai` sends JSON in a string."""
    return json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else arguments


class FunctionCall(ProtocolModel):
    name: str = Field(min_length=1)
    arguments: Annotated[str, BeforeValidator(as_json)]  # JSON, as the model wrote it


class ToolCall(ProtocolModel):
    """One call that the model asked for in an earlier answer."""

    id: str = "null"  # what `mistralai` says for none
    type: Literal["function"] = "function"
    function: FunctionCall
    index: int | None = None


class SystemMessage(ProtocolModel):
    model_config = tagged("role")

    role: Literal["system"] = "system"
    content: Content
    name: Annotated[Any, only()] = None


class DeveloperMessage(ProtocolModel):
    """OpenAI's newer name for the system message."""

    model_config = tagged("role")

    role: Literal["developer"] = "developer"
    content: Content
    name: Annotated[Any, only()] = None


class UserMessage(ProtocolModel):
    model_config = tagged("role")

    role: Literal["user"] = "user"
    content: Content
    name: Annotated[Any, only()] = None


class AssistantMessage(ProtocolModel):
    """An earlier answer or, with `prefix` and as the last message, the beginning of the one that is asked for."""

    model_config = tagged("role")

    role: Literal["assistant"] = "assistant"
    content: Content | None = None
    tool_calls: list[ToolCall] | None = None
    reasoning_content: str | None = Field(None, description="An earlier answer's reasoning, as it came.")
    prefix: bool = False
    name: Annotated[Any, only()] = None
    refusal: None = None
    audio: None = None
    function_call: None = None
    annotations: Annotated[list[Any], Field(max_length=0)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> AssistantMessage:
        if self.content is None and not self.tool_calls:
            raise ValueError("an assistant message needs `content` or `tool_calls`")
        if self.prefix and (self.tool_calls or self.content is None):
            raise ValueError("a `prefix` is the text that the answer begins with: it needs `content`, no `tool_calls`")
        return self

    @property
    def reasoning(self) -> str:
        """What was thought before it was said, "" for nothing: in a field of its own or in the content."""
        return self.reasoning_content or thinking_of(self.content)


class ToolMessage(ProtocolModel):
    """What a tool answered."""

    model_config = tagged("role")

    role: Literal["tool"] = "tool"
    content: Content
    tool_call_id: str | None = None
    name: str | None = None


Message = Annotated[
    SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


def text_of(content: Content | None) -> str:
    """The text of a message's content: its text parts, one per line. Other parts are not text and left out."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content if isinstance(part, TextPart))


def thinking_of(content: Content | None) -> str:
    """The reasoning in an earlier answer's content, "" for none."""
    if not isinstance(content, list):
        return ""
    return "\n".join(text.text for part in content if isinstance(part, ThinkingPart) for text in part.thinking)
