"""`/v1/folders` and `/v1/prompts`: how people keep order in their chats, and what they ask again and again."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import Field

from galerne.protocol.answers import AnswerModel
from galerne.protocol.messages import ProtocolModel

Name = Annotated[str, Field(min_length=1, max_length=200)]
PromptText = Annotated[str, Field(min_length=1, max_length=100_000)]


class Belonging(AnswerModel):
    """Something small that a person keeps."""

    id: str
    created_at: float  # seconds since 1970

    @property
    @abstractmethod
    def label(self) -> str:
        """What it is called."""


class FolderFields(ProtocolModel):
    name: Name


class Folder(Belonging):
    object: Literal["folder"] = "folder"
    name: str

    @property
    def label(self) -> str:
        return self.name


class FolderList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[Folder]  # by name


class PromptFields(ProtocolModel):
    """A text to begin a question with."""

    title: Name
    content: PromptText


class PromptChanges(ProtocolModel):
    title: Name | None = None
    content: PromptText | None = None


class Prompt(Belonging):
    object: Literal["prompt"] = "prompt"
    title: str
    content: str

    @property
    def label(self) -> str:
        return self.title


class PromptList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[Prompt]  # by title


class BelongingDeleted(AnswerModel):
    id: str
    deleted: Literal[True] = True
