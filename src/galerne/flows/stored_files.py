"""Files that are kept: what is known of them, and the ports behind which they lie."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file, without its content. The flow that keeps it sets every field."""

    id: str
    workspace: str  # whose it is
    name: str  # as its sender called it, cleaned: for people, never a path
    media_type: str
    purpose: str
    sample_type: str
    source: str  # "upload" or "mistral"
    size: int  # bytes
    sha256: str
    lines: int | None  # None: not a file of lines
    created: int  # seconds since 1970
    expires: int | None  # None: never
    user: str | None = None  # who sent it, or ordered what made it; None: nobody knows


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Which files of a workspace; None: any. Whoever lists sets every field."""

    purpose: str | None = None
    sample_types: Sequence[str] | None = None
    sources: Sequence[str] | None = None
    media_types: Sequence[str] | None = None
    search: str | None = None  # a part of the name


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a list, from its start (`skip`) or from an item on (`after`)."""

    limit: int
    skip: int = 0
    after: str | None = None  # an id
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class FilePage:
    """What is in a window. `FileStore.page` sets every field."""

    files: Sequence[StoredFile]
    more: bool  # there are others beyond it
    total: int  # in all windows


class FileStore(Protocol):
    """What is known of files. Its methods block. An expired file is none."""

    def add(self, file: StoredFile, most: int) -> None:
        """Raises `TooLarge` when its workspace has `most` already."""

    def find(self, id: str, workspace: str | None = None) -> StoredFile | None:
        """`workspace` None: whosoever it is."""

    def remove(self, id: str, workspace: str) -> bool:
        """False: there is none."""

    def page(self, workspace: str, which: FileFilter, window: Window) -> FilePage:
        """Raises `NotFound` when `after` is none of the workspace's."""

    def remove_expired(self) -> Sequence[str]:
        """The ids of the files that had expired."""

    def known(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are of files."""


class OpenContent(Protocol):
    """Content on its way to the disk. Its methods block."""

    id: str
    size: int  # so far
    head: bytes  # the first bytes

    @property
    def sha256(self) -> str:
        """Of what is there so far, hexadecimal."""

    @property
    def lines(self) -> int:
        """So far; an end without a line break counts."""

    def write(self, data: bytes) -> None:
        """Raises `DiskFull`."""

    def keep(self) -> None:
        """Be on the disk for good. Raises `DiskFull`."""

    def discard(self) -> None:
        """Leave nothing of it."""


class ContentStore(Protocol):
    """The contents of files, by id. Its methods block."""

    def create(self, id: str) -> OpenContent:
        """Raises `DiskFull`."""

    def path(self, id: str) -> Path:
        """Raises `NotFound` when it is not there."""

    def hold(self, id: str) -> AbstractContextManager[BinaryIO | None]:
        """The content, open to be read, and nobody else's until it is closed or the process ends. None: somebody else
        holds it. Raises `NotFound` when it is not there."""

    def remove(self, id: str) -> None:
        """Harmless when it is not there."""

    def abandoned(self) -> Sequence[str]:
        """Ids of contents that nobody has written to for longer than an upload may take."""
