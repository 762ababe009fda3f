"""Links by which whoever has one reads a branch of a chat."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from galerne.assistant.chats import Owner
from galerne.protocol.chats import ChatCard, ChatMessage
from galerne.protocol.shares import Share

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class SharedTree:
    """What a link leads to. The store sets every field."""

    share: Share
    chat: ChatCard
    messages: Sequence[ChatMessage]  # all of the chat's


class ShareStore(Protocol):
    """Keeps links, each by the digest of its token: who reads the database cannot follow them. Its methods block."""

    def add(self, owner: Owner, share: Share, digest: str, most: int) -> None:
        """Raises `NotFound` for the chat or the message, `TooLarge` when the chat has so many already."""

    def list(self, owner: Owner, chat: str) -> list[Share]:
        """All of a chat's, the newest first. Raises `NotFound`."""

    def delete(self, owner: Owner, chat: str, id: str) -> None:
        """Raises `NotFound`."""

    def follow(self, digest: str) -> SharedTree:
        """Raises `NotFound`."""


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
