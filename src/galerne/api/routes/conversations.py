"""`/v1/conversations`, as `mistralai` speaks it.

What begins a turn answers with server-sent events if `stream` is set; the client's addresses that end in `#stream` are
the same addresses.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import ANSWERING, KEEPING, STREAMED, fails, takes
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.api.turns import tell
from galerne.errors import Busy, DatabaseUnavailable, InvalidRequest, NotFound, TooLarge
from galerne.flows.conversations import Conversation, Conversations
from galerne.identity.permissions import Permission
from galerne.protocol.conversations import (
    ConversationAppendRequest,
    ConversationCard,
    ConversationHistory,
    ConversationMessages,
    ConversationRequest,
    ConversationResponse,
    ConversationRestartRequest,
)
from galerne.protocol.entries import MessageInputEntry, MessageOutputEntry
from galerne.protocol.limits import limited
from galerne.protocol.metadata import parse_metadata
from galerne.settings import Settings

_KEPT = [needs(Permission.CHAT)]
_FINDING = fails(NotFound, DatabaseUnavailable)


def conversation_routes(conversations: Conversations, settings: Settings) -> Router:
    router = Router(tags=["conversations"])

    @router.post(
        "/v1/conversations",
        response_model=ConversationResponse,
        responses=STREAMED | fails(*ANSWERING, *KEEPING),
        openapi_extra=takes(ConversationRequest),
        dependencies=[needs(Permission.ASK)],
    )
    async def start(http: Request) -> Response:
        """Begin a conversation. One that is kept takes the permission `chat`, too."""
        request = await read(ConversationRequest, http, settings)
        return await tell(http, conversations.start(request, caller_of(http)), stream=request.stream)

    @router.post(
        "/v1/conversations/{conversation_id}",
        response_model=ConversationResponse,
        responses=STREAMED | fails(*ANSWERING, *KEEPING, NotFound, Busy),
        openapi_extra=takes(ConversationAppendRequest),
        dependencies=_KEPT,
    )
    async def append(conversation_id: Id, http: Request) -> Response:
        """Go on with a conversation. 409 while it is being answered."""
        request = await read(ConversationAppendRequest, http, settings)
        return await tell(http, conversations.append(conversation_id, request, caller_of(http)), stream=request.stream)

    @router.post(
        "/v1/conversations/{conversation_id}/restart",
        response_model=ConversationResponse,
        responses=STREAMED | fails(*ANSWERING, *KEEPING, NotFound, Busy),
        openapi_extra=takes(ConversationRestartRequest),
        dependencies=_KEPT,
    )
    async def restart(conversation_id: Id, http: Request) -> Response:
        """Begin another conversation, which shares the beginning of this one."""
        request = await read(ConversationRestartRequest, http, settings)
        return await tell(http, conversations.restart(conversation_id, request, caller_of(http)), stream=request.stream)

    @router.delete(
        "/v1/conversations/{conversation_id}",
        status_code=204,
        responses=fails(NotFound, Busy, *KEEPING),
        dependencies=_KEPT,
    )
    async def delete(conversation_id: Id, http: Request) -> None:
        """Delete a conversation, and what was said in it alone."""
        await conversations.delete(conversation_id, caller_of(http))

    _add_reading(router, conversations)
    return router


def _add_reading(router: Router, conversations: Conversations) -> None:
    @router.get(
        "/v1/conversations",
        response_model_exclude_none=True,
        responses=fails(InvalidRequest, TooLarge, DatabaseUnavailable),
        dependencies=_KEPT,
    )
    async def list_conversations(
        http: Request,
        page: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
        page_size: Annotated[int, Query(ge=1, json_schema_extra=limited("max_page_size"))] = 100,
        metadata: Annotated[str | None, Query(description="JSON; those that have all of it.")] = None,
    ) -> list[ConversationCard]:
        """The conversations, the newest first."""
        found = await conversations.page(page, page_size, parse_metadata(metadata), caller_of(http))
        return [_card(conversation) for conversation in found]

    @router.get(
        "/v1/conversations/{conversation_id}",
        response_model_exclude_none=True,
        responses=_FINDING,
        dependencies=_KEPT,
    )
    async def show(conversation_id: Id, http: Request) -> ConversationCard:
        """What a conversation is."""
        return _card(await conversations.find(conversation_id, caller_of(http)))

    @router.get("/v1/conversations/{conversation_id}/history", responses=_FINDING, dependencies=_KEPT)
    async def history(conversation_id: Id, http: Request) -> ConversationHistory:
        """All entries of a conversation."""
        return ConversationHistory(
            conversation_id=conversation_id, entries=await conversations.history(conversation_id, caller_of(http))
        )

    @router.get("/v1/conversations/{conversation_id}/messages", responses=_FINDING, dependencies=_KEPT)
    async def messages(conversation_id: Id, http: Request) -> ConversationMessages:
        """What was said, without what was called."""
        entries = await conversations.history(conversation_id, caller_of(http))
        said = [entry for entry in entries if isinstance(entry, MessageInputEntry | MessageOutputEntry)]
        return ConversationMessages(conversation_id=conversation_id, messages=said)


def _card(conversation: Conversation) -> ConversationCard:
    return ConversationCard(
        **dict(conversation.about),
        id=conversation.id,
        created_at=conversation.created_at,
        updated_at=conversation.updated_at,
    )
