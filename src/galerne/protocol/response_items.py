"""The items that responses read and write, as `openai` sends and reads them.

An item that was an answer may be sent back as it was: its labels (`id`, `status`, ...) are accepted, it gets new ones.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from galerne.protocol.messages import ProtocolModel, tagged
from galerne.protocol.unsupported import only

ItemStatus = Literal["in_progress", "completed", "incomplete"]


class InputText(ProtocolModel):
    model_config = tagged("type")

    type: Literal["input_text"] = "input_text"
    text: str
    prompt_cache_breakpoint: Annotated[Any, only()] = None


class InputImage(ProtocolModel):
    """Parsed, so that a model that reads text only can refuse it by name."""

    type: Literal["input_image"]
    image_url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class OutputText(ProtocolModel):
    """What a model said."""

    model_config = tagged("type")

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: Annotated[list[Any], Field(max_length=0)] = []  # noqa: RUF012 (pydantic copies it)
    logprobs: Annotated[list[Any], Field(max_length=0)] | None = []  # noqa: RUF012


ItemPart = Annotated[InputText | InputImage | OutputText, Field(discriminator="type")]


class MessageItem(ProtocolModel):
    """What somebody said."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[ItemPart]
    id: str | None = None
    status: ItemStatus | None = None
    phase: Annotated[Any, only()] = None


class ReasoningText(ProtocolModel):
    type: Literal["reasoning_text"] = "reasoning_text"
    text: str


class ReasoningItem(ProtocolModel):
    """What a model thought before it spoke."""

    model_config = tagged("type")

    type: Literal["reasoning"] = "reasoning"
    id: str | None = None
    summary: Annotated[list[Any], Field(max_length=0)] = []  # noqa: RUF012
    content: list[ReasoningText] | None = None
    encrypted_content: Annotated[Any, only()] = None
    status: ItemStatus | None = None


class CallItem(ProtocolModel):
    """A function that the model wants to have called, by whoever asked."""

    model_config = tagged("type")

    type: Literal["function_call"] = "function_call"
    call_id: str
    name: str
    arguments: str  # JSON
    id: str | None = None
    status: ItemStatus | None = None
    namespace: Annotated[Any, only()] = None
    caller: Annotated[Any, only()] = None


class CallOutputItem(ProtocolModel):
    """What the function gave."""

    model_config = tagged("type")

    type: Literal["function_call_output"] = "function_call_output"
    call_id: str
    output: str | list[InputText]
    id: str | None = None
    status: ItemStatus | None = None
    name: str | None = None
    namespace: Annotated[Any, only()] = None
    caller: Annotated[Any, only()] = None


def _kind(value: Any) -> str | None:
    kind = value.get("type", "message") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if isinstance(kind, str) else None


Item = Annotated[
    Annotated[MessageItem, Tag("message")]
    | Annotated[ReasoningItem, Tag("reasoning")]
    | Annotated[CallItem, Tag("function_call")]
    | Annotated[CallOutputItem, Tag("function_call_output")],
    Discriminator(_kind),
]
OutputItem = MessageItem | ReasoningItem | CallItem


class ItemList(ProtocolModel):
    object: Literal["list"] = "list"
    data: list[Item]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ItemQuery(ProtocolModel):
    """Which of a response's input items."""

    after: str | None = None
    limit: int = Field(20, ge=1, le=100, strict=False)
    order: Literal["asc", "desc"] = "desc"
