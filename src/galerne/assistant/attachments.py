"""Files whose text goes into a question: what is kept of one, and how a model reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from galerne.assistant.chats import Owner

_PLAIN = str.maketrans('<>"', "‹›'")
"""A name that ends the mark around it would pass for what the person says."""


@dataclass(frozen=True, slots=True)
class KeptAttachment:
    """A file's text, and what the file was. The flow sets every field."""

    id: str
    chat: str | None  # that it belongs to; None: it was not sent yet
    name: str
    media_type: str
    size: int  # bytes of the file
    encoding: str | None  # of a text file
    pages: int | None  # of a PDF
    created_at: float  # seconds since 1970
    expires_at: float | None
    text: str


class AttachmentStore(Protocol):
    """Keeps attachments. Its methods block."""

    def add(self, owner: Owner, attachment: KeptAttachment, most: int) -> None:
        """Raises `TooLarge` when so many wait to be sent already."""

    def find(self, owner: Owner, ids: Sequence[str]) -> list[KeptAttachment]:
        """These, in this order. Raises `NotFound`."""

    def delete(self, owner: Owner, id: str) -> None:
        """Delete one that was not sent. Raises `NotFound`."""

    def remove_expired(self) -> None:
        """Remove those that were not sent in time."""


def question_text(content: str, attached: Iterable[KeptAttachment]) -> str:
    """A question as a model reads it: each file's text, set apart, before what is said of it."""
    return "\n\n".join(
        [*(f'<file name="{each.name.translate(_PLAIN)}">\n{each.text}\n</file>' for each in attached), content]
    ).strip()
