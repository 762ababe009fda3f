"""`GET /v1/users/me/export`: everything that is kept of somebody, for them to take along."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import IO

from fastapi import Request
from starlette.responses import StreamingResponse

from galerne.api.access import needs
from galerne.api.caller import caller_of
from galerne.api.documentation import fails
from galerne.api.identity_cards import key_card, me
from galerne.api.router import Router
from galerne.assistant.own_things import OwnThings
from galerne.errors import DatabaseUnavailable
from galerne.flows.chat_exports import ChatExports
from galerne.flows.identity import Identity
from galerne.identity.caller import LOCAL_USER, Caller
from galerne.identity.permissions import Permission

MOST_KEYS = 10_000
PIECE = 1 << 16


def own_data_routes(exports: ChatExports, identity: Identity, things: OwnThings) -> Router:
    router = Router(tags=["users"], dependencies=[needs(Permission.ACCOUNT_OWN)])

    @router.get("/v1/users/me/export", response_class=StreamingResponse, responses=fails(DatabaseUnavailable))
    async def export_own_data(http: Request) -> StreamingResponse:
        """An archive of all that is one's own; its chats can be imported again."""
        caller = caller_of(http)
        archive = await exports.export_all(caller, await asyncio.to_thread(_about, identity, caller), things)
        headers = {"Content-Disposition": "attachment; filename=galerne-export.zip"}
        return StreamingResponse(_pieces(archive), media_type="application/zip", headers=headers)

    return router


def _about(identity: Identity, caller: Caller) -> dict[str, str]:
    """What is known of a person and their keys, as JSON. No secret is among it."""
    keys = identity.keys.page(caller.user or LOCAL_USER, 0, MOST_KEYS)
    return {
        "profile": me(identity.users.profile(caller), open_door=False).model_dump_json(),
        "keys": json.dumps([key_card(key).model_dump(mode="json") for key in keys]),
    }


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece
