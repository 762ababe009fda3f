"""A chat is a tree of messages; what a model is asked, and what is exported, is one branch of it."""

from __future__ import annotations

from collections.abc import Sequence

from galerne.errors import NotFound
from galerne.protocol.chats import ChatMessage


def branch(messages: Sequence[ChatMessage], last: str | None, where: str = "parent") -> list[ChatMessage]:
    """The messages up to this one, the first one first; None: none. Raises `NotFound`; `where` names the field."""
    by_id = {message.id: message for message in messages}
    line: list[ChatMessage] = []
    while last is not None:
        message = by_id.pop(last, None)  # each is met once: even a tree that is none has an end
        if message is None:
            raise NotFound(f"the chat has no message {last[:100]!r}.", where=where)
        line.append(message)
        last = message.parent
    return line[::-1]
