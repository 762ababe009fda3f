"""`/v1/whoami` and `/v1/users/me`: who asks, as `mistralai` reads it, and their keys."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

from fastapi import Query, Request

from galerne.api.access import KNOWN, needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.identity_cards import key_card, me, new_key, organization_of, who_am_i, workspace_of
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, Forbidden, NotFound, TooLarge
from galerne.flows.keys import KeyRing
from galerne.flows.limits import check_limit
from galerne.flows.users import Users
from galerne.identity.caller import LOCAL_USER, Caller
from galerne.identity.keys import Key
from galerne.identity.permissions import Permission, scopes_of
from galerne.protocol.identity import (
    KeyCard,
    KeyFields,
    KeyPage,
    KeyRotation,
    Me,
    MyOrganizations,
    MyWorkspaces,
    NewKey,
    WhoAmI,
)
from galerne.protocol.pages import PageQuery
from galerne.settings import Settings

_READING = fails(DatabaseUnavailable)
_MAKING = fails(*READING, *KEEPING, Forbidden, NotFound)

Offset = Annotated[int, Query(ge=0, lt=2**31)]
Limit = Annotated[int, Query(ge=1, lt=2**31)]


def me_routes(users: Users, *, open_door: bool) -> Router:
    router = Router(tags=["users"], dependencies=[KNOWN])

    @router.get("/v1/whoami", responses=_READING)
    async def whoami(http: Request) -> WhoAmI:
        """Who the key belongs to: a user or a service account."""
        return who_am_i(await asyncio.to_thread(users.profile, caller_of(http)))

    @router.get("/v1/users/me", responses=_READING)
    async def show_me(http: Request) -> Me:
        """Who asks, and what they may do."""
        return me(await asyncio.to_thread(users.profile, caller_of(http)), open_door=open_door)

    @router.get("/v1/users/me/organizations", responses=_READING)
    async def my_organizations(http: Request, offset: Offset = 0, limit: Limit = 100) -> MyOrganizations:
        """The organisation: there is one."""
        profile = await asyncio.to_thread(users.profile, caller_of(http))
        return MyOrganizations(organizations=[organization_of(profile)][offset : offset + limit])

    @router.get("/v1/users/me/workspaces", responses=_READING)
    async def my_workspaces(
        http: Request, organization_id: str | None = None, offset: Offset = 0, limit: Limit = 100
    ) -> MyWorkspaces:
        """The caller's workspace."""
        profile = await asyncio.to_thread(users.profile, caller_of(http))
        mine = [workspace_of(profile)] if organization_id in (None, profile.organisation.id) else []
        return MyWorkspaces(workspaces=mine[offset : offset + limit])

    return router


def my_key_routes(keys: KeyRing, settings: Settings) -> Router:
    router = Router(tags=["users"], dependencies=[needs(Permission.KEYS_OWN)])

    @router.get("/v1/users/me/keys", responses=_READING | fails(TooLarge))
    async def my_keys(http: Request, query: Annotated[PageQuery, Query()]) -> KeyPage:
        """The caller's keys, the newest first."""
        check_limit("page_size", query.page_size, settings.max_page_size)
        found = await asyncio.to_thread(keys.page, _me(http), query.page, query.page_size)
        return KeyPage(data=[key_card(key) for key in found])

    @router.post("/v1/users/me/keys", responses=_MAKING, openapi_extra=takes(KeyFields))
    async def make_my_key(http: Request) -> NewKey:
        """A new key for the caller. Its secret is told this once."""
        fields = await read(KeyFields, http, settings)
        return new_key(*await asyncio.to_thread(made_key, fields, _me(http), keys, caller_of(http)))

    @router.post("/v1/users/me/keys/{id}/rotate", responses=_MAKING, openapi_extra=takes(KeyRotation))
    async def rotate_my_key(http: Request, id: Id) -> NewKey:
        """Another secret for a key of the caller's. The old one counts for a while still."""
        overlap = overlap_of(await read(KeyRotation, http, settings), settings)
        return new_key(*await asyncio.to_thread(keys.rotate, id, overlap, caller_of(http), _me(http)))

    @router.delete("/v1/users/me/keys/{id}", responses=fails(NotFound, *KEEPING))
    async def revoke_my_key(http: Request, id: Id) -> KeyCard:
        """Revoke a key of the caller's. What is under way by it ends within a second."""
        return key_card(await asyncio.to_thread(keys.revoke, id, caller_of(http), _me(http)))

    return router


def made_key(fields: KeyFields, holder: str, keys: KeyRing, caller: Caller) -> tuple[str, Key]:
    """The secret, and what is known of it. Blocks."""
    origins = None if fields.origins is None else frozenset(fields.origins)
    scopes, expires = scopes_of(fields.scopes), fields.expires_at
    return keys.make(fields.name, holder, caller, scopes=scopes, expires=expires, origins=origins)


def overlap_of(rotation: KeyRotation, settings: Settings) -> timedelta:
    given = rotation.overlap_seconds
    return timedelta(hours=settings.key_overlap_hours) if given is None else timedelta(seconds=given)


def _me(http: Request) -> str:
    return caller_of(http).user or LOCAL_USER
