"""`/v1/chats/{id}/shares` for who shares, `/v1/shared/{token}` for who reads."""

from __future__ import annotations

from fastapi import Request, Response

from galerne.api.access import ANYBODY, needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, NotFound
from galerne.flows.shares import Shares
from galerne.identity.permissions import Permission
from galerne.protocol.chat_folders import BelongingDeleted
from galerne.protocol.shares import NewShare, SharedChat, ShareList, ShareRequest
from galerne.settings import Settings

_UNLISTED = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def share_routes(shares: Shares, settings: Settings) -> Router:
    router = Router(tags=["assistant"], dependencies=[needs(Permission.CHAT)])

    @router.post(
        "/v1/chats/{id}/shares",
        status_code=201,
        responses=fails(*READING, NotFound, *KEEPING),
        openapi_extra=takes(ShareRequest),
    )
    async def share_chat(id: Id, http: Request) -> NewShare:
        """Make a link by which anybody may read a branch of the chat."""
        request = await read(ShareRequest, http, settings)
        return await shares.create(id, request.message, caller_of(http))

    @router.get("/v1/chats/{id}/shares", responses=fails(NotFound, DatabaseUnavailable))
    async def list_shares(id: Id, http: Request) -> ShareList:
        """The links to a chat."""
        return ShareList(data=await shares.list(id, caller_of(http)))

    @router.delete("/v1/chats/{id}/shares/{share}", responses=fails(NotFound, *KEEPING))
    async def withdraw_share(id: Id, share: Id, http: Request) -> BelongingDeleted:
        """Let a link end."""
        await shares.withdraw(id, share, caller_of(http))
        return BelongingDeleted(id=share)

    return router


def shared_routes(shares: Shares) -> Router:
    router = Router(tags=["assistant"], dependencies=[ANYBODY])

    @router.get("/v1/shared/{token}", responses=fails(NotFound, DatabaseUnavailable))
    async def show_shared(token: Id, response: Response) -> SharedChat:
        """What a link leads to; whoever has it may read."""
        response.headers.update(_UNLISTED)
        found = await shares.follow(token)
        return SharedChat(title=found.title, created_at=found.created_at, messages=list(found.messages))

    return router
