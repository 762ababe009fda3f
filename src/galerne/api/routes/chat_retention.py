"""`/v1/users/me/retention`: how long one's chats are kept."""

from __future__ import annotations

import asyncio

from fastapi import Request

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable
from galerne.flows.chat_retention import ChatRetentions
from galerne.identity.permissions import Permission
from galerne.protocol.chat_retention import ChatRetention, ChatRetentionFields
from galerne.settings import Settings

PATH = "/v1/users/me/retention"


def chat_retention_routes(retentions: ChatRetentions, settings: Settings) -> Router:
    router = Router(tags=["users"], dependencies=[needs(Permission.CHAT)])

    @router.get(PATH, responses=fails(DatabaseUnavailable))
    async def show_retention(http: Request) -> ChatRetention:
        """How long the caller's chats are kept after something was last said in them."""
        return await asyncio.to_thread(retentions.of, caller_of(http))

    @router.put(PATH, responses=fails(*READING, *KEEPING), openapi_extra=takes(ChatRetentionFields))
    async def set_retention(http: Request) -> ChatRetention:
        """Have them kept for so long. Within minutes, those that are older go, with everything in them."""
        wish = await read(ChatRetentionFields, http, settings)
        return await asyncio.to_thread(retentions.put, wish.chat_days, caller_of(http))

    return router
