"""What is kept of chats: a port, and who owns what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from galerne.protocol.chats import ChatCard, ChatMessage

SAVE_SECONDS = 1.0
"""An answer that runs is saved so often: so much of it is lost when the server is killed."""

LEASE_SECONDS = 10.0
"""One that was not saved for longer is interrupted: nobody answers it any more."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a chat is: a person's, in one workspace. The flow sets every field."""

    workspace: str
    user: str  # "": whoever asks where nobody is asked who they are


@dataclass(frozen=True, slots=True)
class ChatFilter:
    """Which chats of a person. The route sets every field."""

    archived: bool
    pinned: bool | None  # None: both
    folder: str | None  # None: wherever they are
    loose: bool = False  # only those in no folder


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of a list ended."""

    time: float  # seconds since 1970
    id: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A text that has what was looked for. The store sets every field."""

    chat: ChatCard
    message: ChatMessage | None  # None: it is the title


class ChatStore(Protocol):
    """Keeps chats. Its methods block; those that name a chat raise `NotFound`, also for somebody else's."""

    def add(self, owner: Owner, chat: ChatCard, messages: Sequence[ChatMessage] = ()) -> None:
        """Keep a new chat, with these messages in it. Raises `NotFound` for its folder."""

    def find(self, owner: Owner, id: str) -> ChatCard: ...

    def messages(self, owner: Owner, id: str) -> list[ChatMessage]:
        """All messages, each after its parent."""

    def message(self, owner: Owner, id: str, message: str) -> ChatMessage:
        """Raises `NotFound` for a message that is not this chat's, too."""

    def page(self, owner: Owner, which: ChatFilter, most: int, behind: Place | None) -> list[ChatCard]:
        """At most so many, the one in which something was said last first, behind this place."""

    def change(self, owner: Owner, id: str, changes: dict[str, Any]) -> ChatCard:
        """Change these fields of a card. Raises `NotFound` for its folder or message, too."""

    def delete(self, owner: Owner, id: str | None) -> list[str]:
        """Delete a chat and all that belongs to it; None: all of this person's. Says which."""

    def ask(
        self, owner: Owner, id: str, added: Sequence[ChatMessage], title: str | None, attached: Sequence[str]
    ) -> None:
        """Add a question and its running answer, which becomes the active message; the `title` is for a chat that has
        none, `attached` are the attachments that belong to the chat from now on."""

    def save(self, message: ChatMessage) -> bool:
        """Keep how far a running answer has come, or its end. False: it runs no more, and nothing was changed."""

    def stop(self, owner: Owner, id: str, message: str) -> None:
        """Let an answer that runs be stopped."""

    def put_feedback(self, owner: Owner, id: str, message: ChatMessage) -> None:
        """Keep a message's feedback as it is now."""

    def search(self, owner: Owner, words: Sequence[str], first: int, most: int) -> list[Hit]:
        """At most so many texts that have all these words, the last one perhaps only begun; the newest first, from
        number `first` on."""

    def settle_interrupted(self) -> None:
        """Let the answers of servers that died be interrupted."""


def new_id(kind: str) -> str:
    return f"{kind}_{uuid4().hex}"
