"""`/v1/receipts`: what an answer was made of, signed."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.caller import caller_of
from galerne.api.documentation import fails
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, NotFound
from galerne.flows.receipts import Receipts
from galerne.identity.permissions import Permission


class Pem(Response):
    media_type = "application/x-pem-file"


def receipt_routes(receipts: Receipts) -> Router:
    router = Router(tags=["receipts"], dependencies=[needs(Permission.RECEIPTS)])

    @router.get("/v1/receipts/key", response_class=Pem)
    async def public_key() -> Pem:
        """The public key that receipts are checked with, as PEM. Keep a copy: `galerne receipts verify` takes it."""
        return Pem(receipts.key.pem)

    @router.get("/v1/receipts/{id}", responses=fails(NotFound, DatabaseUnavailable))
    async def show_receipt(http: Request, id: Id) -> dict[str, Any]:
        """The receipt of an answer, by the answer's id: what `x-galerne-receipt` said."""
        return await receipts.find(id, caller_of(http))

    return router
