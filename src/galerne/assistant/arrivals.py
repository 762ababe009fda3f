"""Chats that come from elsewhere: their messages in a tree, whatever order and ids they had there."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from galerne.assistant.chats import new_id
from galerne.protocol.chats import ChatMessage

LONGEST_TITLE = 200
MOST_SECONDS = 1e11
"""What is more is told in milliseconds: in seconds it would be the year 5138."""


class Unreadable(Exception):
    """A chat that is not what its format says; the message says why."""


@dataclass(frozen=True, slots=True)
class Node:
    """A message, as the other house tells it. The reader of a format sets every field."""

    parent: str | None
    role: Literal["user", "assistant", "tool"] | None  # None: it is not shown, but others hang on it
    content: str
    created_at: float
    model: str | None = None
    reasoning: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A chat, ready to be kept. The reader of a format sets every field."""

    title: str | None
    created_at: float  # seconds since 1970
    updated_at: float
    messages: list[ChatMessage]
    active: str | None
    archived: bool = False
    pinned: bool = False


def plant(nodes: Mapping[str, Node], current: str | None) -> tuple[list[ChatMessage], str | None]:
    """The messages under new ids, each after its parent, and the one that stands for `current`.

    Raises `Unreadable` when they hang together in a circle.
    """
    children: dict[str | None, list[str]] = {}
    for id, node in nodes.items():
        children.setdefault(node.parent if node.parent in nodes else None, []).append(id)
    messages: list[ChatMessage] = []
    stands_for: dict[str | None, str | None] = {None: None}  # the message that is shown in the place of a node
    waiting = deque(children.get(None, ()))
    while waiting:
        id = waiting.popleft()
        node = nodes[id]
        parent = stands_for[node.parent if node.parent in nodes else None]
        if node.role is not None:
            messages.append(_message(node, parent))
        stands_for[id] = parent if node.role is None else messages[-1].id
        waiting.extend(children.get(id, ()))
    if len(stands_for) <= len(nodes):
        raise Unreadable("its messages are no tree.")
    last = messages[-1].id if messages else None
    return messages, stands_for.get(current) or last


def text(value: Any) -> str:
    """A text, as it can be kept: without halves of characters. What is no text is none."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def title(value: Any) -> str | None:
    return " ".join(text(value).split())[:LONGEST_TITLE] or None


def moment(value: Any, default: float) -> float:
    """Seconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1000 * MOST_SECONDS:
        return default  # not-a-number compares with nothing
    return float(value / 1000 if value > MOST_SECONDS else value)


def _message(node: Node, parent: str | None) -> ChatMessage:
    return ChatMessage(
        id=new_id("msg"),
        parent=parent,
        role=node.role or "user",
        state="complete",
        created_at=node.created_at,
        content=node.content,
        model=node.model,
        reasoning=node.reasoning,
        ai_generated=node.role == "assistant",
    )
