"""`/v1/shared`: a branch of a chat that whoever has its link may read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from galerne.protocol.answers import AnswerModel
from galerne.protocol.chats import ChatMessage, Id
from galerne.protocol.messages import ProtocolModel


class ShareRequest(ProtocolModel):
    """The branch up to this message; what is said later is not shared."""

    message: Id | None = Field(None, description="None: the branch that is shown.")


class Share(AnswerModel):
    id: str
    object: Literal["share"] = "share"
    chat: str
    message: str
    created_at: float  # seconds since 1970


class NewShare(Share):
    """With the token, which is not told again."""

    token: str


class ShareList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[Share]


class SharedChat(AnswerModel):
    """What the reader of a link sees: no names, no feedback, no receipts."""

    object: Literal["shared_chat"] = "shared_chat"
    title: str | None
    created_at: float
    messages: list[ChatMessage]  # one after the other
    ai_generated: Literal[True] = True
