"""Agents: what makes one, in each of its versions, and the port behind which they are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from galerne.protocol.agents import AgentDefinition
from galerne.protocol.metadata import Metadata


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent in one of its versions. Whoever makes it sets every field; the store counts its versions."""

    id: str
    workspace: str  # owns it
    created_at: datetime
    updated_at: datetime  # when the version was made
    version: int
    latest: int  # version; the first one is 0
    offered: bool  # to people, by the assistant
    definition: AgentDefinition
    user: str | None = None  # who made this version; None: nobody knows


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name for a version. The store sets every field."""

    alias: str
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AgentChoice:
    """Which agents of a workspace; None: any. Whoever lists sets every field."""

    offered: bool | None
    name: str | None
    search: str | None  # a part of the name or of the id
    id: str | None
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class AgentWindow:
    """A part of a list, the newest first: so many, from the start (`skip`) or behind an agent."""

    most: int
    skip: int = 0
    behind: tuple[float, str] | None = None  # when it was made, in seconds since 1970, and its id


class AgentStore(Protocol):
    """Keeps agents. Its methods block, and raise `NotFound`, also for another workspace's."""

    def add(self, agent: Agent) -> None:
        """Keep a new one."""

    def find(self, workspace: str, id: str, version: int | str | None = None) -> Agent:
        """In this version or the one with this alias; None: the current one."""

    def page(self, workspace: str, which: AgentChoice, window: AgentWindow) -> Sequence[Agent]:
        """In their current versions."""

    def versions(self, workspace: str, id: str, first: int, most: int) -> Sequence[Agent]:
        """So many of an agent's versions, the newest first, from number `first` on."""

    def change(
        self,
        workspace: str,
        id: str,
        new: Callable[[AgentDefinition], AgentDefinition],
        offered: bool | None,
        user: str | None = None,
    ) -> Agent:
        """Give it a new version, made by this user, which becomes the current one, unless nothing changes."""

    def switch(self, workspace: str, id: str, version: int) -> Agent:
        """Make a version the current one."""

    def name(self, workspace: str, id: str, alias: str, version: int) -> Alias:
        """Give an alias to a version, or move it there."""

    def aliases(self, workspace: str, id: str) -> Sequence[Alias]: ...

    def forget(self, workspace: str, id: str, alias: str) -> None:
        """Take an alias away."""

    def delete(self, workspace: str, id: str) -> None: ...
