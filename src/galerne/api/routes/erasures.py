"""`/v1/admin/erasures`: people are erased, with a certificate."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.router import Router
from galerne.errors import Forbidden, NotFound
from galerne.flows.auditing import event_of
from galerne.flows.erasure import Erasure
from galerne.identity.permissions import Permission
from galerne.ledger.audit import Action, Party
from galerne.protocol.audit import ErasureRequest
from galerne.settings import Settings

_ERASING = fails(*READING, *KEEPING, NotFound, Forbidden)


def erasure_routes(erasure: Erasure, settings: Settings) -> Router:
    router = Router(tags=["audit"], dependencies=[needs(Permission.DATA)])

    @router.post("/v1/admin/erasures", responses=_ERASING, openapi_extra=takes(ErasureRequest))
    async def erase(http: Request) -> dict[str, Any]:
        """Erase a user for good: what is theirs, and what says who they are. The answer is a signed certificate."""
        request = await read(ErasureRequest, http, settings)
        by = event_of(caller_of(http), Action.USER_ERASED)
        return await asyncio.to_thread(erasure.erase, Party("user", request.user), by)

    return router
