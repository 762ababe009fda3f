"""Chats: begun, listed, looked at, changed, searched, deleted; and what people think of the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from galerne.assistant.chats import ChatFilter, ChatStore, Hit, Place, new_id
from galerne.assistant.tree import branch
from galerne.assistant.words import words_of
from galerne.errors import InvalidRequest
from galerne.flows.asking import Asking
from galerne.flows.auditing import note
from galerne.flows.chat import Chat
from galerne.flows.limits import check_limit
from galerne.flows.owners import owner_of
from galerne.flows.titles import make_title
from galerne.identity.caller import Caller
from galerne.ledger.audit import Action, AuditLog, Party
from galerne.protocol.chats import ChatCard, ChatChanges, ChatMessage, Feedback, NewChat
from galerne.settings import Settings


class Chats:
    """The flow behind `/v1/chats`. What names a chat raises `NotFound`, also for somebody else's."""

    def __init__(self, store: ChatStore, asking: Asking, chat: Chat, audit: AuditLog, settings: Settings) -> None:
        self._store = store
        self._asking = asking
        self._chat = chat
        self._audit = audit
        self._settings = settings

    async def create(self, request: NewChat, caller: Caller) -> ChatCard:
        """Raises `NotFound` for its folder."""
        now = time.time()
        card = ChatCard(
            id=new_id("chat"),
            title=request.title,
            created_at=now,
            updated_at=now,
            pinned=False,
            archived=False,
            folder=request.folder,
            model=request.model,
            system=request.system,
            parameters=request.parameters,
            active=None,
        )
        await asyncio.to_thread(self._store.add, owner_of(caller), card)
        return card

    async def find(self, id: str, caller: Caller) -> ChatCard:
        return await asyncio.to_thread(self._store.find, owner_of(caller), id)

    async def messages(self, id: str, caller: Caller) -> list[ChatMessage]:
        """All of a chat's, each after its parent."""
        return await asyncio.to_thread(self._store.messages, owner_of(caller), id)

    async def page(self, which: ChatFilter, size: int, behind: Place | None, caller: Caller) -> list[ChatCard]:
        """The one in which something was said last comes first. One more than `size` shows that there are more."""
        check_limit("page_size", size, self._settings.max_page_size)
        return await asyncio.to_thread(self._store.page, owner_of(caller), which, size + 1, behind)

    async def change(self, id: str, request: ChatChanges, caller: Caller) -> ChatCard:
        """Raises `NotFound` for a folder or message, too."""
        changes = {name: getattr(request, name) for name in request.model_fields_set}
        return await asyncio.to_thread(self._store.change, owner_of(caller), id, changes)

    async def delete(self, id: str | None, caller: Caller) -> int:
        """One chat, or all of this person's; answers that are under way in them end. Says how many."""
        dead = await asyncio.to_thread(self._store.delete, owner_of(caller), id)
        await self._asking.forget(dead)
        await note(self._audit, caller, Action.CHAT_DELETED, Party("chat", id), chats=len(dead))
        return len(dead)

    async def search(self, text: str, page: int, size: int, caller: Caller) -> tuple[Sequence[str], list[Hit]]:
        """The words that are looked for, and what has them, as `page` counts."""
        check_limit("page_size", size, self._settings.max_page_size)
        words = words_of(text)
        if not words:
            return words, []
        hits = await asyncio.to_thread(self._store.search, owner_of(caller), words, page * size, size + 1)
        return words, hits

    async def put_feedback(self, id: str, message: str, feedback: Feedback | None, caller: Caller) -> ChatMessage:
        """What this person thinks of an answer; None: nothing any more."""
        found = await self._asking.find(id, message, caller)
        if found.state == "running":
            raise InvalidRequest("is still being written.", where="message", hint="Wait until it has ended.")
        thought = found.model_copy(update={"feedback": feedback})
        await asyncio.to_thread(self._store.put_feedback, owner_of(caller), id, thought)
        return thought

    async def make_title(self, id: str, model: str | None, caller: Caller) -> ChatCard:
        """Let a model give the chat a title. Raises what a chat raises, and `InvalidRequest` when nothing was said."""
        card = await self.find(id, caller)
        line = branch(await self.messages(id, caller), card.active)
        title = await make_title(line, model or card.model or self._settings.model, self._chat, caller)
        return await asyncio.to_thread(self._store.change, owner_of(caller), id, {"title": title})
