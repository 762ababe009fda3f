"""Chats as files: what leaves this server, and comes back to one."""

from __future__ import annotations

from typing import Literal

from galerne.protocol.answers import AnswerModel
from galerne.protocol.chats import Chat

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's word for what a model made (https://cv.iptc.org/newscodes/digitalsourcetype/): marks it for machines."""

ExportFormat = Literal["markdown", "json", "pdf"]

ExportLanguage = Literal[
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr",
    "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv",
]  # fmt: skip
"""The official languages of the European Union (regulation 1/1958, article 1)."""


class ExportedFile(AnswerModel):
    """The text of an attachment."""

    id: str
    name: str
    media_type: str
    text: str


class ExportedChat(Chat):
    """A chat with all its branches, and the texts that went into its questions."""

    files: list[ExportedFile]


class ChatExport(AnswerModel):
    """What `POST /v1/chats/import` reads again. Messages whose `ai_generated` is true were written by a model."""

    object: Literal["galerne.chats"] = "galerne.chats"
    version: Literal[1] = 1
    digital_source_type: str = TRAINED  # of those messages
    chats: list[ExportedChat]
