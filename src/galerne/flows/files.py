"""Files that clients send and get back.

    receive -> write ... write -> keep        the content first, then what is known of it: a file that is known is whole

What is left of an upload that ended half-way (the client left, the process was killed) is removed.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from galerne.errors import NotFound, TooLarge
from galerne.flows.auditing import note
from galerne.flows.file_names import clean_name, media_type_of
from galerne.flows.links import Link, Signer
from galerne.flows.stored_files import ContentStore, FileFilter, FilePage, FileStore, OpenContent, StoredFile, Window
from galerne.identity.caller import Caller
from galerne.ledger.audit import Action, AuditLog, Event, Party
from galerne.protocol.files import UploadFields
from galerne.settings import Settings

_OF_LINES = ("batch", "fine-tune")
_id = re.compile(r"file-[0-9a-f]{32}")


class Upload:
    """A file on its way in."""

    def __init__(
        self, content: OpenContent, id: str, caller: Caller, store: FileStore, audit: AuditLog, settings: Settings
    ) -> None:
        self.complete = False  # all of it is here, and it is being kept
        self._content = content
        self._id = id
        self._caller = caller
        self._store = store
        self._audit = audit
        self._settings = settings

    async def write(self, data: bytes) -> None:
        """Raises `TooLarge`, `DiskFull`."""
        if self._content.size + len(data) > self._settings.max_file_mb << 20:
            raise TooLarge(f"the file is larger than {self._settings.max_file_mb} MiB.", where="file")
        await asyncio.to_thread(self._content.write, data)

    async def keep(self, name: str, media_type: str, fields: UploadFields) -> StoredFile:
        """The file, complete. Raises `InvalidRequest`, `TooLarge`, `DiskFull`."""
        name, content = clean_name(name), self._content
        now = int(time.time())
        file = StoredFile(
            id=self._id,
            workspace=self._caller.workspace,
            name=name,
            media_type=media_type_of(media_type, name),
            purpose=fields.purpose,
            sample_type=_sample_type(fields.purpose, content.head),
            source="upload",
            size=content.size,
            sha256=content.sha256,
            lines=content.lines if fields.purpose in _OF_LINES else None,
            created=now,
            expires=now + fields.lifetime if fields.lifetime is not None else None,
            user=self._caller.user,
        )
        self.complete = True
        await asyncio.to_thread(keep, file, content, self._store, self._settings.max_files)
        await note(self._audit, self._caller, Action.FILE_KEPT, Party("file", file.id), bytes=file.size)
        return file


def keep(file: StoredFile, content: OpenContent, store: FileStore, most: int) -> None:
    """Let the content be on the disk, then the file be known; or neither. Raises `TooLarge`, `DiskFull`."""
    try:
        content.keep()
        store.add(file, most)
    except BaseException:
        content.discard()
        raise


class Files:
    """The flow behind `/v1/files`."""

    def __init__(
        self, store: FileStore, contents: ContentStore, signer: Signer, audit: AuditLog, settings: Settings
    ) -> None:
        self._store = store
        self.contents = contents
        self._signer = signer
        self._audit = audit
        self._settings = settings

    @asynccontextmanager
    async def receive(self, caller: Caller) -> AsyncIterator[Upload]:
        """Room for a file that is on its way. Left without `keep`, nothing of it remains."""
        id = new_file_id()
        content = await asyncio.to_thread(self.contents.create, id)
        upload = Upload(content, id, caller, self._store, self._audit, self._settings)
        try:
            yield upload
        finally:
            if not upload.complete:
                await asyncio.shield(asyncio.to_thread(content.discard))

    async def page(self, caller: Caller, which: FileFilter, window: Window) -> FilePage:
        """Raises `NotFound`."""
        return await asyncio.to_thread(self._store.page, caller.workspace, which, window)

    async def find(self, id: str, caller: Caller) -> StoredFile:
        """Raises `NotFound`."""
        return await self._find(id, caller.workspace)

    async def delete(self, id: str, caller: Caller) -> None:
        """Raises `NotFound`."""
        known = _id.fullmatch(id) is not None
        if not known or not await asyncio.to_thread(self._store.remove, id, caller.workspace):
            raise _no_file(id)
        await asyncio.to_thread(self.contents.remove, id)
        await note(self._audit, caller, Action.FILE_DELETED, Party("file", id))

    async def content(self, id: str, caller: Caller) -> tuple[StoredFile, Path]:
        """A file and where its content lies. Raises `NotFound`."""
        file = await self._find(id, caller.workspace)
        path = await asyncio.to_thread(self.contents.path, id)
        await note(self._audit, caller, Action.FILE_READ, Party("file", id))
        return file, path

    async def link(self, id: str, seconds: int, caller: Caller) -> Link:
        """Raises `NotFound`."""
        file = await self._find(id, caller.workspace)
        await note(self._audit, caller, Action.FILE_SHARED, Party("file", id), seconds=seconds)
        return self._signer.sign(file.id, seconds)

    async def linked_content(self, link: Link) -> tuple[StoredFile, Path]:
        """What a signed link leads to. Raises `NotFound`."""
        self._signer.check(link)
        file = await self._find(link.file, None)
        path = await asyncio.to_thread(self.contents.path, file.id)
        read = Event(Action.FILE_READ, Party("link"), Party("file", file.id), workspace=file.workspace)
        await asyncio.to_thread(self._audit.record, read)
        return file, path

    def tidy(self) -> None:
        """Remove what has expired or was left behind. Blocks."""
        for id in self._store.remove_expired():
            self.contents.remove(id)
        left = self.contents.abandoned()
        for id in set(left) - self._store.known(left):
            self.contents.remove(id)

    async def _find(self, id: str, workspace: str | None) -> StoredFile:
        file = await asyncio.to_thread(self._store.find, id, workspace) if _id.fullmatch(id) else None
        if file is None:
            raise _no_file(id)
        return file


def new_file_id() -> str:
    return f"file-{uuid4().hex}"


def _no_file(id: str) -> NotFound:
    return NotFound(f"there is no file {id[:100]!r} here.", where="file_id")


def _sample_type(purpose: str, head: bytes) -> str:
    """What the lines of a file are, in `mistralai`'s words. Those of "fine-tune" show it in the first one."""
    match purpose:
        case "batch":
            return "batch_request"
        case "ocr":
            return "ocr_input"
        case "fine-tune":
            return "instruct" if _has_messages(head.partition(b"\n")[0]) else "pretrain"
        case _:
            return "other"


def _has_messages(line: bytes) -> bool:
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):  # no JSON, or only the beginning of a long line
        return b'"messages"' in line
    return isinstance(first, dict) and "messages" in first
