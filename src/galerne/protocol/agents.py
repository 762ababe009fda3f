"""`/v1/agents`: what `mistralai` may say, and what it is told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.generation import Label
from galerne.protocol.limits import limited
from galerne.protocol.messages import ProtocolModel
from galerne.protocol.metadata import Described, Metadata
from galerne.protocol.pages import PageQuery
from galerne.protocol.tools import Tool
from galerne.protocol.unsupported import functions_only, only

AgentName = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^\x00]*$")]
AgentVersion = Annotated[int, Field(ge=0, lt=2**31)] | Annotated[str, Field(min_length=1, max_length=64)]
"""A version's number, or an alias of it."""

AgentTool = Annotated[Tool, functions_only]
"""A function, which the client runs."""

Alias = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")]


class AgentDefinition(Described):
    """What makes an agent, in one of its versions: a model, what it is told, and to whom it may pass a conversation."""

    model: str = Field(min_length=1, max_length=1024)
    name: AgentName
    description: str | None = None
    instructions: str | None = None
    completion_args: CompletionArgs | None = None
    handoffs: list[Label] | None = Field(
        None, description="Ids of other agents.", json_schema_extra=limited("max_agent_handoffs")
    )
    version_message: str | None = None
    tools: list[AgentTool] | None = Field(None, json_schema_extra=limited("max_tools"))
    guardrails: Annotated[Any, only([])] = None


class UpdateAgentRequest(ProtocolModel):
    """What changes. What is not said stays; so do `model`, `name` and `deployment_chat` when they are null."""

    model: str | None = Field(None, min_length=1, max_length=1024)
    name: AgentName | None = None
    description: str | None = None
    instructions: str | None = None
    completion_args: CompletionArgs | None = None
    handoffs: list[Label] | None = Field(None, json_schema_extra=limited("max_agent_handoffs"))
    version_message: str | None = None
    metadata: Metadata | None = Field(None, json_schema_extra=limited("max_metadata"))
    deployment_chat: bool | None = Field(None, description="A mark for the assistant: offer this agent to people.")
    tools: list[AgentTool] | None = Field(None, json_schema_extra=limited("max_tools"))
    guardrails: Annotated[Any, only([])] = None

    def over(self, definition: AgentDefinition) -> AgentDefinition:
        """The definition with these changes."""
        said = {name: getattr(self, name) for name in self.model_fields_set if name in AgentDefinition.model_fields}
        for name in ("model", "name"):
            if said.get(name, "") is None:
                del said[name]
        return definition.model_copy(update=said)


class AgentCard(AgentDefinition):
    """An agent in one of its versions."""

    object: Literal["agent"] = "agent"
    id: str
    version: int
    versions: list[int]  # that there are
    created_at: AwareDatetime
    updated_at: AwareDatetime  # when the version was made
    deployment_chat: bool
    source: Literal["api"] = "api"


class AgentPage(ProtocolModel):
    object: Literal["list"] = "list"
    data: list[AgentCard]
    next_page_token: str | None


class AgentAlias(ProtocolModel):
    """Another name for a version of an agent, which may be moved."""

    alias: str
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class AgentFilter(ProtocolModel):
    """Which agents of a workspace; what is not said does not matter."""

    deployment_chat: bool | None = Field(None, strict=False)
    sources: list[Label] | None = Field(None, max_length=100)
    name: Label | None = None
    search: Label | None = Field(None, description="A part of the name or of the id.")
    id: Label | None = None
    metadata: str | None = Field(None, description="JSON; those that have all of it.")


class AgentQuery(AgentFilter, PageQuery):
    """Agents by pages."""


class AgentPageQuery(AgentFilter):
    """A page of agents, by where the last one ended."""

    page_size: int = Field(20, ge=1, lt=2**31, strict=False, json_schema_extra=limited("max_page_size"))
    page_token: Label | None = Field(None, description="The last page's `next_page_token`.")
