"""Attachments: files become text, which is counted, and goes into a question.

receive -> write ... write -> keep
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from galerne.assistant.attachments import AttachmentStore, KeptAttachment
from galerne.assistant.chats import ChatStore, new_id
from galerne.assistant.dialogue import attachment_ids, dialogue
from galerne.assistant.extraction import MEDIA_TYPES, Extraction
from galerne.assistant.tree import branch
from galerne.errors import InvalidRequest
from galerne.flows.arriving import Arriving
from galerne.flows.file_names import clean_name, media_type_of
from galerne.flows.owners import owner_of
from galerne.flows.served import ServedModels
from galerne.identity.caller import Caller
from galerne.prompt.conversation import check_messages
from galerne.protocol.attachments import AttachmentFit, AttachmentQuery
from galerne.protocol.chats import ChatMessage, MessageAttachment
from galerne.protocol.messages import Message
from galerne.settings import Settings

MOST_UNSENT = 100
"""Attachments of one person that wait to be sent."""


@dataclass(frozen=True, slots=True)
class Counted:
    """An attachment, and what it costs. The flow sets every field."""

    attachment: KeptAttachment
    fit: AttachmentFit


class Attachments:
    """The flow behind `/v1/attachments`. What names an attachment or a chat raises `NotFound`."""

    def __init__(self, store: AttachmentStore, chats: ChatStore, models: ServedModels, settings: Settings) -> None:
        self._store = store
        self._chats = chats
        self._models = models
        self._settings = settings
        self._extraction = Extraction(seconds=settings.attachment_seconds, most_characters=settings.max_tokenize_chars)

    def receive(self) -> Arriving:
        """Room for a file that is on its way."""
        return Arriving(self._settings.max_attachment_mb)

    async def keep(
        self, arriving: Arriving, name: str, media_type: str, query: AttachmentQuery, caller: Caller
    ) -> Counted:
        """The file's text, kept until it is sent or a day has gone by.

        Raises `InvalidRequest` for a file that cannot be read, `TooLarge`, and what `count` raises.
        """
        read = await self._extraction.read(await asyncio.to_thread(arriving.content))
        if not read.text.strip():
            raise InvalidRequest("it is empty.", where="file")
        now = time.time()
        attachment = KeptAttachment(
            id=new_id("att"),
            chat=None,
            name=clean_name(name),
            media_type=MEDIA_TYPES.get(read.kind) or media_type_of(media_type, name),
            size=arriving.size,
            encoding=read.encoding,
            pages=read.pages,
            created_at=now,
            expires_at=now + self._settings.attachment_hours * 3600,
            text=read.text.replace("\0", "\N{SYMBOL FOR NULL}"),
        )
        counted = await self._count(attachment, query, caller)
        await asyncio.to_thread(self._store.add, owner_of(caller), attachment, MOST_UNSENT)
        return counted

    async def find(self, id: str, caller: Caller) -> KeptAttachment:
        (found,) = await asyncio.to_thread(self._store.find, owner_of(caller), [id])
        return found

    async def count(self, id: str, query: AttachmentQuery, caller: Caller) -> Counted:
        """What it costs beside a conversation. Raises `ModelNotFound`, `TemplateError`."""
        return await self._count(await self.find(id, caller), query, caller)

    async def delete(self, id: str, caller: Caller) -> None:
        """Delete one that was not sent."""
        await asyncio.to_thread(self._store.delete, owner_of(caller), id)

    async def _count(self, attachment: KeptAttachment, query: AttachmentQuery, caller: Caller) -> Counted:
        before, model_name = await self._before(query, caller)
        model = self._models.of(caller).find(model_name)
        file = MessageAttachment(
            id=attachment.id, name=attachment.name, media_type=attachment.media_type, characters=len(attachment.text)
        )
        question = ChatMessage(
            id="", parent=None, role="user", state="complete", created_at=0, content="", attachments=[file]
        )
        asked = [*before, *dialogue(None, [question], {attachment.id: attachment})]
        check_messages(asked)
        told = len(await asyncio.to_thread(model.template.render, before)) if before else 0
        whole = len(await asyncio.to_thread(model.template.render, asked))
        context = model.context_length
        fit = AttachmentFit(
            model=model.name,
            tokens=whole - told,
            conversation_tokens=told,
            context=context,
            fits=whole < context,
        )
        return Counted(attachment, fit)

    async def _before(self, query: AttachmentQuery, caller: Caller) -> tuple[list[Message], str]:
        """What a question would go on from, and who would answer it."""
        if query.chat is None:
            return [], query.model or self._settings.model
        owner = owner_of(caller)
        card = await asyncio.to_thread(self._chats.find, owner, query.chat)
        line = branch(await asyncio.to_thread(self._chats.messages, owner, query.chat), query.parent or card.active)
        ids = attachment_ids(line)
        found = await asyncio.to_thread(self._store.find, owner, ids) if ids else []
        before = dialogue(card.system, line, {each.id: each for each in found})
        return before, query.model or card.model or self._settings.model
