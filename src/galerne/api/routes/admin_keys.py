"""`/v1/admin/keys`: everybody's."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Query, Request

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.identity_cards import key_card, new_key
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.api.routes.me import made_key, overlap_of
from galerne.errors import DatabaseUnavailable, Forbidden, NotFound, TooLarge
from galerne.flows.keys import KeyRing
from galerne.flows.limits import check_limit
from galerne.identity.permissions import Permission
from galerne.protocol.identity import KeyCard, KeyOrder, KeyPage, KeyRotation, NewKey, Word
from galerne.protocol.pages import PageQuery
from galerne.settings import Settings

_MAKING = fails(*READING, *KEEPING, Forbidden, NotFound)


class KeyQuery(PageQuery):
    user: Word | None = None


def admin_key_routes(keys: KeyRing, settings: Settings) -> Router:
    router = Router(tags=["admin"], dependencies=[needs(Permission.KEYS)])

    @router.get("/v1/admin/keys", responses=fails(TooLarge, DatabaseUnavailable))
    async def list_keys(query: Annotated[KeyQuery, Query()]) -> KeyPage:
        """The newest first; those of one `user`, or all."""
        check_limit("page_size", query.page_size, settings.max_page_size)
        found = await asyncio.to_thread(keys.page, query.user, query.page, query.page_size)
        return KeyPage(data=[key_card(key) for key in found])

    @router.post("/v1/admin/keys", responses=_MAKING, openapi_extra=takes(KeyOrder))
    async def make_key(http: Request) -> NewKey:
        """A new key for a user or a service account. Its secret is told this once."""
        order, caller = await read(KeyOrder, http, settings), caller_of(http)
        return new_key(*await asyncio.to_thread(made_key, order, order.user, keys, caller))

    @router.get("/v1/admin/keys/{id}", responses=fails(NotFound, DatabaseUnavailable))
    async def show_key(id: Id) -> KeyCard:
        """What is known of a key; not the key itself."""
        return key_card(await asyncio.to_thread(keys.get, id))

    @router.post("/v1/admin/keys/{id}/rotate", responses=_MAKING, openapi_extra=takes(KeyRotation))
    async def rotate_key(id: Id, http: Request) -> NewKey:
        """Another secret for the key. The old one counts for a while still."""
        overlap = overlap_of(await read(KeyRotation, http, settings), settings)
        return new_key(*await asyncio.to_thread(keys.rotate, id, overlap, caller_of(http)))

    @router.delete("/v1/admin/keys/{id}", responses=fails(NotFound, *KEEPING))
    async def revoke_key(id: Id, http: Request) -> KeyCard:
        """Revoke a key. What is under way by it ends within a second."""
        return key_card(await asyncio.to_thread(keys.revoke, id, caller_of(http)))

    return router
