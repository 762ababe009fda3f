"""`/v1/chats`: chats, the assistant's side of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query, Request

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import ANSWERING, KEEPING, READING, fails, takes
from galerne.api.page_token import page_token, place_of
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.assistant.chats import ChatFilter, Hit, Place
from galerne.assistant.words import snippet
from galerne.errors import DatabaseUnavailable, InvalidRequest, NotFound, TooLarge
from galerne.flows.chats import Chats
from galerne.identity.permissions import Permission
from galerne.protocol.chats import (
    Chat,
    ChatCard,
    ChatChanges,
    ChatDeleted,
    ChatHit,
    ChatHits,
    ChatList,
    ChatMessage,
    ChatQuery,
    ChatsDeleted,
    ChatSearchQuery,
    Feedback,
    NewChat,
    TitleRequest,
)
from galerne.settings import Settings

NO_FOLDER = "none"

_LISTING = fails(InvalidRequest, TooLarge, DatabaseUnavailable)
_FINDING = fails(NotFound, DatabaseUnavailable)
_CHANGING = fails(*READING, NotFound, *KEEPING)


def chat_history_routes(chats: Chats, settings: Settings) -> Router:
    router = Router(tags=["assistant"], dependencies=[needs(Permission.CHAT)])

    @router.post("/v1/chats", status_code=201, responses=_CHANGING, openapi_extra=takes(NewChat))
    async def create_chat(http: Request) -> ChatCard:
        """Begin a chat."""
        return await chats.create(await read(NewChat, http, settings), caller_of(http))

    @router.get("/v1/chats", responses=_LISTING)
    async def list_chats(http: Request, query: Annotated[ChatQuery, Query()]) -> ChatList:
        """One's own chats, the one in which something was said last first."""
        loose = query.folder == NO_FOLDER
        which = ChatFilter(query.archived, query.pinned, None if loose else query.folder, loose)
        behind = None if query.page_token is None else Place(*place_of(query.page_token))
        found = await chats.page(which, query.page_size, behind, caller_of(http))
        page = found[: query.page_size]
        more = len(found) > len(page)
        return ChatList(data=page, next_page_token=page_token(page[-1].updated_at, page[-1].id) if more else None)

    @router.delete("/v1/chats", responses=fails(*KEEPING))
    async def delete_chats(http: Request) -> ChatsDeleted:
        """Delete all of one's own chats, and everything in them."""
        return ChatsDeleted(deleted=await chats.delete(None, caller_of(http)))

    @router.get("/v1/chats/search", responses=_LISTING)
    async def search_chats(http: Request, query: Annotated[ChatSearchQuery, Query()]) -> ChatHits:
        """Messages and titles that have all these words, the newest first."""
        words, hits = await chats.search(query.q, query.page, query.page_size, caller_of(http))
        shown = [_hit(hit, words) for hit in hits[: query.page_size]]
        return ChatHits(data=shown, has_more=len(hits) > len(shown))

    @router.get("/v1/chats/{id}", responses=_FINDING)
    async def show_chat(id: Id, http: Request) -> Chat:
        """A chat, and all that was said in it."""
        card = await chats.find(id, caller_of(http))
        return Chat(**dict(card), messages=await chats.messages(id, caller_of(http)))

    @router.patch("/v1/chats/{id}", responses=_CHANGING, openapi_extra=takes(ChatChanges))
    async def change_chat(id: Id, http: Request) -> ChatCard:
        """Rename, pin, archive, file; show another branch; answer in another way."""
        return await chats.change(id, await read(ChatChanges, http, settings), caller_of(http))

    @router.delete("/v1/chats/{id}", responses=fails(NotFound, *KEEPING))
    async def delete_chat(id: Id, http: Request) -> ChatDeleted:
        """Delete a chat and everything in it, its links and attachments, too."""
        await chats.delete(id, caller_of(http))
        return ChatDeleted(id=id)

    @router.post(
        "/v1/chats/{id}/title", responses=fails(*ANSWERING, NotFound, *KEEPING), openapi_extra=takes(TitleRequest)
    )
    async def make_title(id: Id, http: Request) -> ChatCard:
        """Let a model give the chat a title."""
        request = await read(TitleRequest, http, settings)
        return await chats.make_title(id, request.model, caller_of(http))

    @router.put("/v1/chats/{id}/messages/{message}/feedback", responses=_CHANGING, openapi_extra=takes(Feedback))
    async def put_feedback(id: Id, message: Id, http: Request) -> ChatMessage:
        """Say what one thinks of an answer."""
        feedback = await read(Feedback, http, settings)
        return await chats.put_feedback(id, message, feedback, caller_of(http))

    @router.delete("/v1/chats/{id}/messages/{message}/feedback", responses=_FINDING | fails(InvalidRequest, *KEEPING))
    async def remove_feedback(id: Id, message: Id, http: Request) -> ChatMessage:
        """Take it back."""
        return await chats.put_feedback(id, message, None, caller_of(http))

    return router


def _hit(hit: Hit, words: Sequence[str]) -> ChatHit:
    text = hit.message.content if hit.message else hit.chat.title or ""
    return ChatHit(chat=hit.chat, message=hit.message.id if hit.message else None, snippet=snippet(text, words))
