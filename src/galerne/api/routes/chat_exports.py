"""`GET /v1/chats/{id}/export` and `POST /v1/chats/import`: chats that leave and arrive as files."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes_form
from galerne.api.form import read_form
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, NotFound, TooLarge
from galerne.flows.chat_exports import ChatExports
from galerne.flows.chat_imports import ChatImports
from galerne.identity.permissions import Permission
from galerne.protocol.chat_exports import ExportFormat, ExportLanguage
from galerne.protocol.chats import ImportReport, NoFields
from galerne.settings import Settings


def chat_export_routes(exports: ChatExports, imports: ChatImports, settings: Settings) -> Router:
    router = Router(tags=["assistant"], dependencies=[needs(Permission.CHAT)])

    @router.get(
        "/v1/chats/{id}/export", response_class=Response, responses=fails(NotFound, TooLarge, DatabaseUnavailable)
    )
    async def export_chat(
        id: Id,
        http: Request,
        format: ExportFormat = "markdown",
        message: Annotated[str | None, Query(max_length=200)] = None,
        language: Annotated[ExportLanguage, Query(description="Of the headings.")] = "en",
    ) -> Response:
        """A branch of a chat as Markdown or PDF, or all of it as JSON. What a model wrote is marked as such."""
        document = await exports.export(id, format, message, caller_of(http), language)
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(document.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(document.content, media_type=document.media_type, headers=headers)

    @router.post("/v1/chats/import", responses=fails(*READING, *KEEPING), openapi_extra=takes_form(NoFields))
    async def import_chats(http: Request) -> ImportReport:
        """Keep the chats of an export of ChatGPT (zip or JSON), Open WebUI or Galerne."""
        with imports.receive() as arriving:
            await read_form(NoFields, http, arriving, settings)
            return await imports.keep(arriving, caller_of(http))

    return router
