"""`/v1/admin/settings`, `/v1/admin/health` and `/v1/admin/models`: what an installation is, and how it is."""

from __future__ import annotations

from typing import Any, Literal

from galerne.protocol.answers import AnswerModel, NamedEvent
from galerne.protocol.chats import MessageFailure


class SettingCard(AnswerModel):
    name: str
    value: Any  # as JSON; passwords are hidden
    source: Literal["default", "environment", "file", "command line"]
    description: str | None


class SettingList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[SettingCard]  # in the order of the settings' documentation


class EngineHealth(AnswerModel):
    model: str
    ready: bool
    statistics: dict[str, float]  # requests that run and wait, blocks in use, restarts, ...


class DiskHealth(AnswerModel):
    total: int  # bytes
    free: int


class Health(AnswerModel):
    version: str
    python: str
    started_at: float  # seconds since 1970
    database: Literal["sqlite", "postgresql"]
    disk: DiskHealth  # where data is kept
    memory: int  # bytes that this process may use
    memory_used: int  # at most, so far; without the engines' processes
    engines: list[EngineHealth]


ModelState = Literal["absent", "pulling", "here", "loading", "ready", "unloading", "failed"]
"""here: on this machine, and not loaded."""


class InstalledModel(AnswerModel):
    """A model that the catalogue knows, or that was imported."""

    name: str
    state: ModelState
    failure: str | None  # why it could not be loaded, or why its engine ended
    licence: str
    parameters: int
    context: int
    size: int  # bytes of its files
    memory: int  # bytes that it needs, estimated
    resident: int | None  # bytes that its engine has now; None: it has none, or this machine does not say
    open_requests: int
    fits: bool  # whether this machine has so much
    unsupported: str | None  # why this version cannot run it
    sha256: str | None
    aliases: list[str]


class InstalledModels(AnswerModel):
    object: Literal["list"] = "list"
    data: list[InstalledModel]


class PullProgress(NamedEvent):
    type: Literal["pull.progress"] = "pull.progress"
    step: str  # what is being done
    done: int  # bytes of it
    total: int | None  # None: not known


class PullEnded(NamedEvent):
    """The model is here, and can be loaded."""

    type: Literal["pull.ended"] = "pull.ended"
    model: str


class PullFailed(NamedEvent):
    type: Literal["pull.failed"] = "pull.failed"
    failure: MessageFailure


PullEvent = PullProgress | PullEnded | PullFailed
