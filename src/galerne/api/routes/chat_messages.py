"""`/v1/chats/{id}/messages`: asking, and listening to answers that go on by themselves."""

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
from galerne.api.sse import EventStream
from galerne.errors import Busy, DatabaseUnavailable, InvalidRequest, NotFound
from galerne.flows.asking import Asking
from galerne.identity.permissions import Permission
from galerne.protocol.chats import AskRequest, ChatMessage
from galerne.settings import Settings

LAST_EVENT = "last-event-id"


def chat_message_routes(asking: Asking, settings: Settings) -> Router:
    router = Router(tags=["assistant"], dependencies=[needs(Permission.CHAT)])

    @router.post(
        "/v1/chats/{id}/messages",
        responses=STREAMED | fails(*ANSWERING, *KEEPING, NotFound, Busy),
        response_model=None,
        openapi_extra=takes(AskRequest),
    )
    async def ask(id: Id, http: Request) -> Response:
        """Ask, and hear the answer as it comes. It goes on though one stops listening."""
        request = await read(AskRequest, http, settings)
        events = asking.ask(id, request, caller_of(http))
        return EventStream(await anext(events), events)

    @router.get(
        "/v1/chats/{id}/messages/{message}/events",
        responses=STREAMED | fails(NotFound, InvalidRequest, DatabaseUnavailable),
        response_model=None,
    )
    async def listen(
        id: Id, message: Id, http: Request, after: Annotated[int | None, Query(ge=0, le=2**53)] = None
    ) -> Response:
        """Hear an answer again, after the event with this number; without, first the answer as it stands."""
        events = asking.listen(id, message, _last_event(http) if after is None else after, caller_of(http))
        return EventStream(await anext(events), events)

    @router.post(
        "/v1/chats/{id}/messages/{message}/stop", responses=fails(NotFound, InvalidRequest, DatabaseUnavailable)
    )
    async def stop(id: Id, message: Id, http: Request) -> ChatMessage:
        """Stop an answer; what was said is kept. One that has ended stays as it is."""
        return await asking.stop(id, message, caller_of(http))

    return router


def _last_event(http: Request) -> int | None:
    """What a browser's `EventSource` says when it comes back; what is no number of ours says nothing."""
    number = http.headers.get(LAST_EVENT, "")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 16 else None
