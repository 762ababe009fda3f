"""`/v1/responses`, as `openai` speaks it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import ANSWERING, KEEPING, STREAMED, fails, takes
from galerne.api.responses import response_object, tell
from galerne.api.router import Router
from galerne.errors import Busy, DatabaseUnavailable, InvalidRequest, NotFound
from galerne.flows.items import items_of
from galerne.flows.responses import Responses
from galerne.identity.permissions import Permission
from galerne.protocol.response_items import Item, ItemList, ItemQuery
from galerne.protocol.responses import (
    InputTokens,
    InputTokensRequest,
    ResponseDeleted,
    ResponseObject,
    ResponseQuery,
    ResponseRequest,
)
from galerne.settings import Settings

_FINDING = fails(NotFound, InvalidRequest, DatabaseUnavailable)


def response_routes(responses: Responses, settings: Settings) -> Router:
    router = Router(tags=["responses"], dependencies=[needs(Permission.CHAT)])

    @router.post(
        "/v1/responses",
        response_model=ResponseObject,
        responses=STREAMED | fails(*ANSWERING, *KEEPING, NotFound, Busy),
        openapi_extra=takes(ResponseRequest),
    )
    async def create_response(http: Request) -> Response:
        """Answer, perhaps going on from an earlier response. With `stream`, as server-sent events."""
        request = await read(ResponseRequest, http, settings)
        events = responses.create(request, caller_of(http))
        return await tell(http, events, stream=bool(request.stream), background=bool(request.background))

    @router.post(
        "/v1/responses/input_tokens",
        responses=fails(*ANSWERING, NotFound, Busy, DatabaseUnavailable),
        openapi_extra=takes(InputTokensRequest),
    )
    async def count_input_tokens(http: Request) -> InputTokens:
        """How many tokens a request would have the model read, its template's and its tools' with them."""
        request = await read(InputTokensRequest, http, settings)
        return InputTokens(input_tokens=await responses.count(request, caller_of(http)))

    @router.get("/v1/responses/{id}", responses=_FINDING)
    async def show_response(id: str, http: Request, _: Annotated[ResponseQuery, Query()]) -> ResponseObject:
        """A response, as far as it has come."""
        return response_object(await responses.find(id, caller_of(http)))

    @router.delete("/v1/responses/{id}", responses=fails(NotFound, Busy, *KEEPING))
    async def delete_response(id: str, http: Request) -> ResponseDeleted:
        """Delete a response, and what was said in it alone."""
        await responses.delete(id, caller_of(http))
        return ResponseDeleted(id=id)

    @router.post("/v1/responses/{id}/cancel", responses=_FINDING | fails(Busy, *KEEPING))
    async def cancel_response(id: str, http: Request) -> ResponseObject:
        """Stop a response. One that has ended stays as it is."""
        return response_object(await responses.cancel(id, caller_of(http)))

    @router.get("/v1/responses/{id}/input_items", responses=_FINDING)
    async def list_input(id: str, http: Request, query: Annotated[ItemQuery, Query()]) -> ItemList:
        """What a response answers: its input, and all before it."""
        entries = await responses.input(id, caller_of(http))
        return _page([item for entry in entries for item in items_of(entry)], query)

    return router


def _page(items: list[Item], query: ItemQuery) -> ItemList:
    if query.order == "desc":
        items = items[::-1]
    if query.after is not None:
        places = [place for place, item in enumerate(items, 1) if item.id == query.after]
        if not places:
            raise InvalidRequest("there is no such item.", where="after")
        items = items[places[0] :]
    page = items[: query.limit]
    return ItemList(
        data=page,
        first_id=page[0].id if page else None,
        last_id=page[-1].id if page else None,
        has_more=len(items) > len(page),
    )
