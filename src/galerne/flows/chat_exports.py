"""Chats as files: one branch for people, the whole tree for programs, everything of a person."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from galerne.assistant.chats import ChatFilter, Owner, Place
from galerne.assistant.dialogue import attachment_ids
from galerne.assistant.headings import headings_in
from galerne.assistant.markdown import markdown
from galerne.assistant.own_things import OwnThings
from galerne.assistant.tree import branch
from galerne.errors import TooLarge
from galerne.flows.auditing import note
from galerne.flows.kept_chats import KeptChats
from galerne.flows.owners import owner_of
from galerne.identity.caller import Caller
from galerne.ledger.audit import Action, AuditLog, Party
from galerne.protocol.chat_exports import ChatExport, ExportedChat, ExportedFile, ExportFormat, ExportLanguage
from galerne.protocol.chats import ChatCard, ChatMessage

MOST_ON_PAPER = 1_000_000
"""Characters of a PDF: it takes a second for each hundred thousand."""

IN_MEMORY = 1 << 20
PAGE = 100

_UNSAFE = re.compile(r"[^\w .,()-]+")


@dataclass(frozen=True, slots=True)
class Document:
    """A file to save. The flow sets every field."""

    name: str
    media_type: str
    content: bytes


class ChatExports:
    """The flow behind `/v1/chats/{id}/export` and `/v1/users/me/export`. What names a chat raises `NotFound`."""

    def __init__(self, kept: KeptChats, audit: AuditLog) -> None:
        self._kept = kept
        self._audit = audit

    async def export(
        self, id: str, form: ExportFormat, message: str | None, caller: Caller, language: ExportLanguage = "en"
    ) -> Document:
        """The branch up to this message, by default the one that is shown, under headings in a language; as JSON the
        whole chat.

        Raises `TooLarge` for a PDF that would be too long.
        """
        document = await asyncio.to_thread(self._export, owner_of(caller), id, form, message, language)
        await note(self._audit, caller, Action.CHATS_EXPORTED, Party("chat", id), form=form)
        return document

    async def export_all(self, caller: Caller, about: Mapping[str, str], things: OwnThings) -> IO[bytes]:
        """An archive, to be closed, of all that this person keeps: chats, as they can be imported again, folders,
        prompts, the `things` that they made besides; and what is known `about` them, each a JSON text by its name."""
        archive = await asyncio.to_thread(self._archive, owner_of(caller), about, things)
        await note(self._audit, caller, Action.CHATS_EXPORTED, form="archive")
        return archive

    def _export(
        self, owner: Owner, id: str, form: ExportFormat, message: str | None, language: ExportLanguage
    ) -> Document:
        card, messages = self._kept.chats.find(owner, id), self._kept.chats.messages(owner, id)
        name = " ".join(_UNSAFE.sub(" ", card.title or "").split()).strip(" .")[:80] or "chat"
        if form == "json":
            whole = ChatExport(chats=[self._whole(owner, card, messages)])
            return Document(f"{name}.json", "application/json", whole.model_dump_json(indent=1).encode())
        line = branch(messages, message or card.active, "message")
        if form == "markdown":
            text = markdown(card.title, line, headings_in(language))
            return Document(f"{name}.md", "text/markdown; charset=utf-8", text.encode())
        if sum(len(each.content) for each in line) > MOST_ON_PAPER:
            raise TooLarge(f"the PDF would have more than {MOST_ON_PAPER} characters.", hint="Export it as Markdown.")
        from galerne.assistant.pdf import pdf  # with its libraries, which few processes ever need

        return Document(f"{name}.pdf", "application/pdf", pdf(card.title, line, language))

    def _whole(self, owner: Owner, card: ChatCard, messages: list[ChatMessage]) -> ExportedChat:
        files = self._kept.attachments.find(owner, attachment_ids(messages))
        texts = [ExportedFile(id=each.id, name=each.name, media_type=each.media_type, text=each.text) for each in files]
        return ExportedChat(**dict(card), messages=messages, files=texts)

    def _archive(self, owner: Owner, about: Mapping[str, str], things: OwnThings) -> IO[bytes]:
        file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        head = ChatExport(chats=[]).model_dump_json().removesuffix("]}")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in about.items():
                archive.writestr(f"{name}.json", text)
            for name, kept in (("folders", self._kept.folders), ("prompts", self._kept.prompts)):
                listed = [thing.model_dump(mode="json") for thing in kept.list(owner)]
                archive.writestr(f"{name}.json", json.dumps(listed, ensure_ascii=False))
            for name, rows in things.lists(owner.user):
                archive.writestr(f"{name}.json", json.dumps(rows, ensure_ascii=False, default=str))
            for id, path in things.contents(owner.user):
                archive.write(path, f"files/{id}")
            with archive.open("chats.json", "w") as chats:
                chats.write(head.encode())
                for number, card in enumerate(self._cards(owner)):
                    whole = self._whole(owner, card, self._kept.chats.messages(owner, card.id))
                    chats.write(b"," * bool(number) + whole.model_dump_json().encode())
                chats.write(b"]}")
        file.seek(0)
        return file

    def _cards(self, owner: Owner) -> Iterator[ChatCard]:
        """All of a person's chats."""
        for archived in (False, True):
            behind: Place | None = None
            while page := self._kept.chats.page(owner, ChatFilter(archived, None, None), PAGE, behind):
                yield from page
                behind = Place(page[-1].updated_at, page[-1].id)
