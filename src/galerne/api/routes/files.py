"""`/v1/files`: upload, list, look up, download, delete, and links that need no key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import FileResponse

from galerne.api.access import ANYBODY, needs
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes_form
from galerne.api.form import read_form
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, InvalidRequest, NotFound
from galerne.flows.file_names import BINARY
from galerne.flows.files import Files
from galerne.flows.links import Link
from galerne.flows.stored_files import FileFilter, StoredFile, Window
from galerne.identity.permissions import Permission
from galerne.protocol.files import FileDeleted, FileList, FileObject, FileQuery, SignedUrl, UploadFields
from galerne.settings import Settings

_FINDING = fails(NotFound, InvalidRequest, DatabaseUnavailable)


def file_routes(files: Files, settings: Settings) -> Router:
    router = Router(tags=["files"], dependencies=[needs(Permission.FILES)])

    @router.post("/v1/files", responses=fails(*READING, *KEEPING), openapi_extra=takes_form(UploadFields))
    async def upload(http: Request) -> FileObject:
        """Keep a file. It goes to the disk while it arrives."""
        async with files.receive(caller_of(http)) as incoming:
            part, fields = await read_form(UploadFields, http, incoming, settings)
            return _object(await incoming.keep(part.name, part.media_type, fields))

    @router.get("/v1/files", responses=_FINDING)
    async def list_files(http: Request, query: Annotated[FileQuery, Query()]) -> FileList:
        """The workspace's files, the newest first."""
        page = await files.page(caller_of(http), _filter(query), _window(query))
        return FileList(
            data=[_object(file) for file in page.files],
            has_more=page.more,
            first_id=page.files[0].id if page.files else None,
            last_id=page.files[-1].id if page.files else None,
            total=page.total if query.include_total else None,
        )

    @router.get("/v1/files/{file_id}", responses=_FINDING)
    async def show_file(http: Request, file_id: Id) -> FileObject:
        """What is known of a file."""
        return _object(await files.find(file_id, caller_of(http)))

    @router.delete("/v1/files/{file_id}", responses=fails(NotFound, *KEEPING))
    async def delete_file(http: Request, file_id: Id) -> FileDeleted:
        """Delete a file for good."""
        await files.delete(file_id, caller_of(http))
        return FileDeleted(id=file_id)

    @router.get("/v1/files/{file_id}/content", response_class=FileResponse, responses=_FINDING)
    async def download(http: Request, file_id: Id) -> FileResponse:
        """A file's content, byte for byte."""
        return _content(*await files.content(file_id, caller_of(http)))

    @router.get("/v1/files/{file_id}/url", responses=_FINDING)
    async def signed_url(
        http: Request,
        file_id: Id,
        expiry: Annotated[int, Query(ge=1, le=168, description="Hours until the link is no longer valid.")] = 24,
    ) -> SignedUrl:
        """A link to the content that needs no key."""
        link = await files.link(file_id, expiry * 3600, caller_of(http))
        url = http.url_for("linked_content", file_id=link.file)
        return SignedUrl(url=str(url.include_query_params(expires=link.expires, signature=link.signature)))

    return router


def signed_file_routes(files: Files) -> Router:
    router = Router(tags=["files"], dependencies=[ANYBODY])

    @router.get("/signed/files/{file_id}", response_class=FileResponse, responses=_FINDING)
    async def linked_content(
        file_id: Id, expires: Annotated[int, Query(ge=0, lt=2**53)], signature: Annotated[str, Query(max_length=64)]
    ) -> FileResponse:
        """The content that a signed link leads to."""
        return _content(*await files.linked_content(Link(file_id, expires, signature)))

    return router


def _window(query: FileQuery) -> Window:
    newest_first = query.order == "desc"
    if query.page is None and query.page_size is None:
        return Window(query.limit or 10_000, after=query.after, newest_first=newest_first)
    size = query.page_size or 100
    return Window(size, skip=(query.page or 0) * size, newest_first=newest_first)


def _filter(query: FileQuery) -> FileFilter:
    return FileFilter(
        purpose=query.purpose,
        sample_types=query.sample_type,
        sources=query.source,
        media_types=query.mimetypes,
        search=query.search,
    )


def _object(file: StoredFile) -> FileObject:
    return FileObject(
        id=file.id,
        bytes=file.size,
        created_at=file.created,
        expires_at=file.expires,
        filename=file.name,
        purpose=file.purpose,
        mimetype=file.media_type,
        sample_type=file.sample_type,
        num_lines=file.lines,
        source=file.source,
        sha256=file.sha256,
    )


def _content(file: StoredFile, path: Path) -> FileResponse:
    """To be saved, never shown: it may be a page with a script in it, and this is the assistant's own origin."""
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox", "Cache-Control": "private"}
    return FileResponse(path, media_type=BINARY, filename=file.name, headers=headers)
