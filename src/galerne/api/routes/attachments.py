"""`/v1/attachments`: files whose text goes into a question."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from galerne.api.access import needs
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes_form
from galerne.api.form import read_form
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, InvalidRequest, ModelNotFound, NotFound, TemplateError
from galerne.flows.attachments import Attachments, Counted
from galerne.identity.permissions import Permission
from galerne.protocol.attachments import Attachment, AttachmentQuery, AttachmentText
from galerne.protocol.chat_folders import BelongingDeleted
from galerne.settings import Settings

_FINDING = fails(NotFound, DatabaseUnavailable)
_COUNTING = fails(InvalidRequest, ModelNotFound, NotFound, TemplateError, DatabaseUnavailable)


def attachment_routes(attachments: Attachments, settings: Settings) -> Router:
    router = Router(tags=["assistant"], dependencies=[needs(Permission.CHAT)])

    @router.post(
        "/v1/attachments",
        status_code=201,
        responses=fails(*READING, ModelNotFound, NotFound, TemplateError, *KEEPING),
        openapi_extra=takes_form(AttachmentQuery),
    )
    async def attach(http: Request) -> Attachment:
        """Read a file's text, and say what it costs beside a conversation."""
        with attachments.receive() as arriving:
            part, query = await read_form(AttachmentQuery, http, arriving, settings)
            return _card(await attachments.keep(arriving, part.name, part.media_type, query, caller_of(http)))

    @router.get("/v1/attachments/{id}", responses=_COUNTING)
    async def show_attachment(id: Id, http: Request, query: Annotated[AttachmentQuery, Query()]) -> Attachment:
        """What an attachment is, counted for a model and a place."""
        return _card(await attachments.count(id, query, caller_of(http)))

    @router.get("/v1/attachments/{id}/text", responses=_FINDING)
    async def show_attachment_text(id: Id, http: Request) -> AttachmentText:
        """What a model reads of it."""
        return AttachmentText(id=id, text=(await attachments.find(id, caller_of(http))).text)

    @router.delete("/v1/attachments/{id}", responses=fails(NotFound, *KEEPING))
    async def delete_attachment(id: Id, http: Request) -> BelongingDeleted:
        """Delete one that was not sent; those of a chat go with it."""
        await attachments.delete(id, caller_of(http))
        return BelongingDeleted(id=id)

    return router


def _card(counted: Counted) -> Attachment:
    kept = counted.attachment
    return Attachment(
        id=kept.id,
        name=kept.name,
        media_type=kept.media_type,
        size=kept.size,
        characters=len(kept.text),
        encoding=kept.encoding,
        pages=kept.pages,
        created_at=kept.created_at,
        expires_at=kept.expires_at,
        fit=counted.fit,
    )
