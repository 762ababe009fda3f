"""`/v1/audit/heads`: heads of other installations' logs, which are kept here."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, InvalidRequest, Taken
from galerne.flows.witness import Witness
from galerne.identity.permissions import Permission
from galerne.protocol.audit import GivenHead, KeptHead, KeptHeadList
from galerne.settings import Settings

_KEEPING = fails(*READING, *KEEPING, Taken)


def head_routes(witness: Witness, settings: Settings) -> Router:
    router = Router(tags=["audit"], dependencies=[needs(Permission.WITNESS)])

    @router.post("/v1/audit/heads", responses=_KEEPING, openapi_extra=takes(GivenHead))
    async def keep_head(http: Request) -> KeptHead:
        """Keep a head of another installation's log. The answer is the longest one that it ever gave."""
        given = await read(GivenHead, http, settings)
        return KeptHead(longest=await witness.keep(given.head, given.public_key))

    @router.get("/v1/audit/heads", responses=fails(InvalidRequest, DatabaseUnavailable))
    async def list_heads(key: Annotated[str, Query(max_length=64, description="The key's id.")]) -> KeptHeadList:
        """All heads that a key signed: what `galerne audit verify --head` takes, one in a line."""
        return KeptHeadList(data=list(await witness.of(key)))

    return router
