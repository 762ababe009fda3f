"""`/v1/folders` and `/v1/prompts`: how people keep order in their chats, and what they ask again and again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from galerne.protocol.answers import AnswerModel
from galerne.protocol.messages import ProtocolModel

Name = Annotated[str, Field(min_length=1, max_length=200)]


class FolderFields(ProtocolModel):
    name: Name


class Folder(AnswerModel):
    id: str
    object: Literal["folder"] = "folder"
    name: str
    created_at: int  # seconds since 1970


class FolderList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[Folder]  # by name


class PromptFields(ProtocolModel):
    """A text to begin a question with."""

    title: Name
    content: Annotated[str, Field(min_length=1, max_length=100_000)]


class Prompt(AnswerModel):
    id: str
    object: Literal["prompt"] = "prompt"
    title: str
    content: str
    created_at: int


class PromptList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[Prompt]  # by title


class Deleted(AnswerModel):
    id: str
    deleted: Literal[True] = True
