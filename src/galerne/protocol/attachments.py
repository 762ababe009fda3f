"""`/v1/attachments`: files whose text goes into a question."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from galerne.protocol.answers import AnswerModel
from galerne.protocol.chats import Id, ModelName
from galerne.protocol.messages import ProtocolModel


class AttachmentQuery(ProtocolModel):
    """Beside what the file shall fit. In the address, or as fields of the form."""

    model: ModelName | None = Field(None, description="None: the chat's, or the one that the server loads by default.")
    chat: Id | None = None
    parent: Id | None = Field(None, description="The message that the question goes on from; None: the active one.")


class AttachmentFit(AnswerModel):
    """What a text costs, in the tokens of one model."""

    model: str
    tokens: int  # of the text, with the words that set it apart
    conversation_tokens: int  # of what was said before
    context: int  # that the model has in all, for the conversation, the question and the answer
    fits: bool  # whether room for an answer remains


class Attachment(AnswerModel):
    id: str
    object: Literal["attachment"] = "attachment"
    name: str
    media_type: str
    size: int  # bytes of the file
    characters: int  # of the text
    encoding: str | None  # of a text file; None: it has a form of its own
    pages: int | None  # of a PDF
    created_at: float  # seconds since 1970
    expires_at: float | None  # None: it belongs to a message, and goes with its chat
    fit: AttachmentFit


class AttachmentText(AnswerModel):
    id: str
    text: str
