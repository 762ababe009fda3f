"""`/v1/chats`: what people say to the assistant, and what it answers.

A chat is a tree of messages: each knows the one before it (`parent`). Two messages with one parent are two ways to go
on from there: a question that was edited, an answer that was asked for again, two models side by side.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from galerne.protocol.answers import AnswerCall, AnswerModel, Usage
from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.limits import limited
from galerne.protocol.messages import ProtocolModel
from galerne.protocol.tools import Tool

Id = Annotated[str, Field(min_length=1, max_length=200)]
Title = Annotated[str, Field(min_length=1, max_length=200)]
ModelName = Annotated[str, Field(min_length=1, max_length=1024)]

MessageState = Literal["running", "complete", "stopped", "interrupted", "failed"]
"""`interrupted`: the server died in the middle of it; what was said until about a second before is there."""


class ChatSettings(ProtocolModel):
    """How the questions of a chat are answered, where they do not say it themselves."""

    model: ModelName | None = Field(None, description="None: the model that the server loads by default.")
    system: str | None = Field(None, max_length=100_000, description="What the model is told before all else.")
    parameters: CompletionArgs | None = None


class NewChat(ChatSettings):
    """A chat to begin."""

    title: Title | None = Field(None, description="None: the beginning of the first question.")
    folder: Id | None = None


class ChatChanges(NewChat):
    """What shall be different. What is left out stays as it is; null takes a value away."""

    pinned: bool = False
    archived: bool = False
    active: Id | None = Field(None, description="The last message of the branch that is shown.")


class ToolResult(ProtocolModel):
    """What a tool answered to a call of the message before."""

    tool_call_id: str = Field(max_length=200)
    content: str


class AskRequest(ChatSettings):
    """A question, or where neither `content`, `attachments` nor `results` are said, a wish for one more answer to
    `parent`. What is said of model, system and parameters holds for this answer alone."""

    parent: Id | None = Field(None, description="The message that this goes on from; None: the chat begins here.")
    content: str | None = Field(None, min_length=1)
    attachments: list[Id] | None = Field(None, min_length=1, max_length=100)
    results: list[ToolResult] | None = Field(None, min_length=1, max_length=100)
    tools: list[Tool] | None = Field(None, json_schema_extra=limited("max_tools"))

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.results and (self.content or self.attachments):
            raise ValueError("`results` answer calls of tools; a question has `content` and `attachments`")
        if self.parent is None and not (self.content or self.attachments):
            raise ValueError("say a question (`content`), or the `parent` that shall be answered")
        return self

    @property
    def asks_again(self) -> bool:
        return not (self.content or self.attachments or self.results)


class MessageAttachment(AnswerModel):
    """A file whose text is a part of a question."""

    id: str
    name: str
    media_type: str
    characters: int


class Feedback(ProtocolModel):
    """What a person thinks of an answer."""

    rating: Literal["up", "down"]
    reason: Literal["correct", "helpful", "style", "wrong", "incomplete", "off_topic", "harmful", "other"] | None = None
    comment: str | None = Field(None, max_length=4000)


class MessageFailure(AnswerModel):
    """Why an answer failed."""

    code: str
    message: str


class ChatMessage(AnswerModel):
    id: str
    parent: str | None  # None: the chat begins with it
    role: Literal["user", "assistant", "tool"]
    state: MessageState
    created_at: float  # seconds since 1970
    content: str
    attachments: list[MessageAttachment] = Field(default_factory=list)
    tool_call_id: str | None = None  # of a tool's answer: what it answers

    # An answer's.
    reasoning: str | None = None
    tool_calls: list[AnswerCall] = Field(default_factory=list)
    model: str | None = None
    system: str | None = None
    parameters: CompletionArgs | None = None
    tools: list[Tool] | None = Field(None, json_schema_extra=limited("max_tools"))
    finish_reason: Literal["stop", "length", "tool_calls"] | None = None  # None: it did not come to its end
    usage: Usage | None = None
    receipt: str | None = None  # `GET /v1/receipts/{receipt}`, once the answer has ended
    failure: MessageFailure | None = None
    feedback: Feedback | None = None
    ai_generated: bool = False


class ChatCard(AnswerModel):
    """A chat without its messages."""

    id: str
    object: Literal["chat"] = "chat"
    title: str | None  # None: nothing was asked yet
    created_at: float
    updated_at: float  # when something was last said
    pinned: bool
    archived: bool
    folder: str | None
    model: str | None
    system: str | None
    parameters: CompletionArgs | None
    active: str | None  # the last message of the branch that is shown


class Chat(ChatCard):
    messages: list[ChatMessage]  # each after its parent, in the order in which they were made


class ChatList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[ChatCard]
    next_page_token: str | None  # None: this is the last page


class ChatQuery(ProtocolModel):
    """Which chats to list: the one in which something was said last comes first."""

    folder: Id | None = Field(None, description="Those in this folder; `none`: those in no folder.")
    archived: bool = Field(False, strict=False)
    pinned: bool | None = Field(None, strict=False)
    page_size: int = Field(50, ge=1, strict=False, json_schema_extra=limited("max_page_size"))
    page_token: str | None = Field(None, max_length=200)


class ChatSearchQuery(ProtocolModel):
    """Words that are all in one message or title, the last one perhaps only begun. Case and accents do not matter."""

    q: str = Field(min_length=1, max_length=500)
    page_size: int = Field(20, ge=1, strict=False, json_schema_extra=limited("max_page_size"))
    page: int = Field(0, ge=0, le=10_000, strict=False)


class SnippetPart(AnswerModel):
    text: str
    match: bool  # whether this is what was looked for


class ChatHit(AnswerModel):
    chat: ChatCard
    message: str | None  # None: it is in the title
    snippet: list[SnippetPart]


class ChatHits(AnswerModel):
    object: Literal["list"] = "list"
    data: list[ChatHit]
    has_more: bool


class ChatDeleted(AnswerModel):
    id: str
    object: Literal["chat"] = "chat"
    deleted: Literal[True] = True


class ChatsDeleted(AnswerModel):
    object: Literal["list"] = "list"
    deleted: int


class TitleRequest(ProtocolModel):
    """A title that a model makes of what was said."""

    model: ModelName | None = None


class NoFields(ProtocolModel):
    """A form that has just a file."""


class ImportedChat(AnswerModel):
    id: str
    title: str | None
    messages: int


class SkippedChat(AnswerModel):
    title: str | None
    reason: str


class ImportReport(AnswerModel):
    format: Literal["chatgpt", "open-webui", "galerne"]
    imported: list[ImportedChat]
    skipped: list[SkippedChat]
