"""Links to chats: made, listed, withdrawn, followed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from galerne.assistant.chats import ChatStore, new_id
from galerne.assistant.shares import ShareStore, digest_of, new_token
from galerne.assistant.tree import branch
from galerne.errors import InvalidRequest
from galerne.flows.auditing import note
from galerne.flows.owners import owner_of
from galerne.identity.caller import Caller
from galerne.ledger.audit import Action, AuditLog, Party
from galerne.protocol.chats import ChatMessage
from galerne.protocol.shares import NewShare, Share
from galerne.settings import Settings

_PRIVATE = {"system": None, "parameters": None, "tools": None, "receipt": None, "feedback": None}
"""What is between the person and the server."""


@dataclass(frozen=True, slots=True)
class SharedBranch:
    """What the reader of a link sees. The flow sets every field."""

    title: str | None
    created_at: float  # of the link, seconds since 1970
    messages: Sequence[ChatMessage]


class Shares:
    """The flow behind `/v1/chats/{id}/shares` and `/v1/shared`. All raise `NotFound`."""

    def __init__(self, store: ShareStore, chats: ChatStore, audit: AuditLog, settings: Settings) -> None:
        self._store = store
        self._chats = chats
        self._audit = audit
        self._settings = settings

    async def create(self, chat: str, message: str | None, caller: Caller) -> NewShare:
        """A link to the branch up to this message, by default the one that is shown.

        Raises `InvalidRequest` for a chat in which nothing was said, `TooLarge` when it has too many links.
        """
        owner = owner_of(caller)
        last = message or (await asyncio.to_thread(self._chats.find, owner, chat)).active
        if last is None:
            raise InvalidRequest("nothing was said in it yet.", where="chat")
        token, share = new_token(), Share(id=new_id("share"), chat=chat, message=last, created_at=time.time())
        await asyncio.to_thread(self._store.add, owner, share, digest_of(token), self._settings.max_chat_shares)
        await note(self._audit, caller, Action.CHAT_SHARED, Party("chat", chat), share=share.id)
        return NewShare(**dict(share), token=token)

    async def list(self, chat: str, caller: Caller) -> list[Share]:
        """The newest first."""
        return await asyncio.to_thread(self._store.list, owner_of(caller), chat)

    async def withdraw(self, chat: str, id: str, caller: Caller) -> None:
        """The link ends."""
        await asyncio.to_thread(self._store.delete, owner_of(caller), chat, id)

    async def follow(self, token: str) -> SharedBranch:
        """What a link leads to, for anybody."""
        tree = await asyncio.to_thread(self._store.follow, digest_of(token))
        line = [message.model_copy(update=_PRIVATE) for message in branch(tree.messages, tree.share.message)]
        return SharedBranch(tree.chat.title, tree.share.created_at, line)
