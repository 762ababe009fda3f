"""Tools that an answer may call, in the words of the `mistralai` and the `openai` client."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from galerne.protocol.messages import JsonObject, ProtocolModel

ToolName = Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$")]


class Function(ProtocolModel):
    """A function that the client runs."""

    name: ToolName
    description: str | None = None
    parameters: JsonObject | None = Field(None, description="JSON Schema of an object; none: no arguments.")
    strict: bool | None = Field(None, description="Refuse a schema that calls cannot be made to follow.")


class Tool(ProtocolModel):
    type: Literal["function"] = "function"
    function: Function


class FunctionName(ProtocolModel):
    name: ToolName


class NamedTool(ProtocolModel):
    """This tool, and no other."""

    type: Literal["function"] = "function"
    function: FunctionName


class AllowedTools(ProtocolModel):
    mode: Literal["auto", "required"]
    tools: list[NamedTool] = Field(min_length=1)


class AllowedToolsChoice(ProtocolModel):
    """Only some of the tools."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


ToolChoice = Literal["auto", "none", "any", "required"] | NamedTool | AllowedToolsChoice
"""`any` is Mistral's word for `required`."""
