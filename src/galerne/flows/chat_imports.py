"""Chats that arrive as files: each is kept as a whole, or skipped with a reason."""

from __future__ import annotations

import asyncio
from typing import IO

from galerne.assistant.arrivals import Arrival
from galerne.assistant.chats import ChatStore, Owner, new_id
from galerne.assistant.export_files import Unread, read_export
from galerne.errors import TooLarge
from galerne.flows.arriving import Arriving
from galerne.flows.owners import owner_of
from galerne.identity.caller import Caller
from galerne.protocol.chats import ChatCard, ImportedChat, ImportReport, SkippedChat
from galerne.settings import Settings


class ChatImports:
    """The flow behind `POST /v1/chats/import`. One file at a time: reading one takes memory."""

    def __init__(self, chats: ChatStore, settings: Settings) -> None:
        self._chats = chats
        self._settings = settings
        self._turn = asyncio.Lock()

    def receive(self) -> Arriving:
        """Room for a file that is on its way."""
        return Arriving(self._settings.max_import_mb)

    async def keep(self, arriving: Arriving, caller: Caller) -> ImportReport:
        """Raises `InvalidRequest` for a file that is no export, `TooLarge`. What was kept until then stays."""
        async with self._turn:
            return await asyncio.to_thread(self._keep, arriving.file, owner_of(caller))

    def _keep(self, file: IO[bytes], owner: Owner) -> ImportReport:
        imported: list[ImportedChat] = []
        skipped: list[SkippedChat] = []
        kind, chats = read_export(file, self._settings.max_import_mb << 20)
        for chat in chats:
            if len(imported) + len(skipped) == self._settings.max_import_chats:
                most = self._settings.max_import_chats
                raise TooLarge(f"there are more than {most} chats in it; the first {most} were imported.", where="file")
            if isinstance(chat, Unread):
                skipped.append(SkippedChat(title=chat.title, reason=chat.why))
            elif not chat.messages:
                skipped.append(SkippedChat(title=chat.title, reason="nothing was said in it."))
            else:
                card = _card(chat)
                self._chats.add(owner, card, chat.messages)
                imported.append(ImportedChat(id=card.id, title=card.title, messages=len(chat.messages)))
        return ImportReport(format=kind, imported=imported, skipped=skipped)


def _card(chat: Arrival) -> ChatCard:
    return ChatCard(
        id=new_id("chat"),
        title=chat.title,
        created_at=chat.created_at,
        updated_at=chat.updated_at,
        pinned=chat.pinned,
        archived=chat.archived,
        folder=None,
        model=None,
        system=None,
        parameters=None,
        active=chat.active,
    )
