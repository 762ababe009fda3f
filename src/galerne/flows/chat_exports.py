"""Chats as files: one branch for people, the whole tree for programs, everything of a person."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from galerne.assistant.attachments import AttachmentStore
from galerne.assistant.chats import ChatStore, Owner
from galerne.assistant.dialogue import attachment_ids
from galerne.assistant.markdown import markdown
from galerne.assistant.pdf import pdf
from galerne.assistant.tree import branch
from galerne.errors import TooLarge
from galerne.flows.owners import owner_of
from galerne.identity.caller import Caller
from galerne.protocol.chat_exports import ChatExport, ExportedChat, ExportedFile, ExportFormat
from galerne.protocol.chats import ChatCard, ChatMessage

MOST_ON_PAPER = 1_000_000
"""Characters of a PDF: it takes a second for each hundred thousand."""

_UNSAFE = re.compile(r"[^\w .,()-]+")


@dataclass(frozen=True, slots=True)
class Document:
    """A file to save. The flow sets every field."""

    name: str
    media_type: str
    content: bytes


class ChatExports:
    """The flow behind `/v1/chats/{id}/export`. What names a chat raises `NotFound`."""

    def __init__(self, chats: ChatStore, attachments: AttachmentStore) -> None:
        self._chats = chats
        self._attachments = attachments

    async def export(self, id: str, form: ExportFormat, message: str | None, caller: Caller) -> Document:
        """The branch up to this message, by default the one that is shown; as JSON the whole chat.

        Raises `TooLarge` for a PDF that would be too long.
        """
        return await asyncio.to_thread(self._export, owner_of(caller), id, form, message)

    def _export(self, owner: Owner, id: str, form: ExportFormat, message: str | None) -> Document:
        card, messages = self._chats.find(owner, id), self._chats.messages(owner, id)
        name = " ".join(_UNSAFE.sub(" ", card.title or "").split()).strip(" .")[:80] or "chat"
        if form == "json":
            whole = ChatExport(chats=[self._whole(owner, card, messages)])
            return Document(f"{name}.json", "application/json", whole.model_dump_json(indent=1).encode())
        line = branch(messages, message or card.active, "message")
        if form == "markdown":
            return Document(f"{name}.md", "text/markdown; charset=utf-8", markdown(card.title, line).encode())
        if sum(len(each.content) for each in line) > MOST_ON_PAPER:
            raise TooLarge(f"the PDF would have more than {MOST_ON_PAPER} characters.", hint="Export it as Markdown.")
        return Document(f"{name}.pdf", "application/pdf", pdf(card.title, line))

    def _whole(self, owner: Owner, card: ChatCard, messages: list[ChatMessage]) -> ExportedChat:
        files = self._attachments.find(owner, attachment_ids(messages))
        texts = [ExportedFile(id=each.id, name=each.name, media_type=each.media_type, text=each.text) for each in files]
        return ExportedChat(**dict(card), messages=messages, files=texts)
