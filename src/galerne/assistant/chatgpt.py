"""ChatGPT's export: `conversations.json`, a list of trees (`mapping`), perhaps in several files.

There is no specification; this is what exports of 2023 to 2026 have. Pictures are not in that file, and calls of
ChatGPT's own tools mean nothing here: both are left out, the pictures with a word in their place.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from galerne.assistant.arrivals import Arrival, Node, Unreadable, moment, plant, text, title

PICTURE = "[not in the export]"
_SHOWN = ("text", "multimodal_text")


def is_chatgpt(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("mapping"), dict)


def read_chatgpt(document: Mapping[str, Any]) -> Arrival:
    """One conversation. Raises `Unreadable`."""
    created = moment(document.get("create_time"), time.time())
    nodes = {id: _node(node, created) for id, node in document["mapping"].items()}
    current = document.get("current_node")
    messages, active = plant(nodes, current if isinstance(current, str) else None)
    return Arrival(
        title=title(document.get("title")),
        created_at=created,
        updated_at=moment(document.get("update_time"), created),
        messages=messages,
        active=active,
        archived=document.get("is_archived") is True,
    )


def _node(node: Any, created: float) -> Node:
    if not isinstance(node, dict):
        raise Unreadable("a message of it is no object.")
    parent = node.get("parent")
    parent = parent if isinstance(parent, str) else None
    message: Any = node.get("message")
    role, said = _said(message) if isinstance(message, dict) else (None, "")
    if role is None or not said:
        return Node(parent, None, "", created)
    about = message.get("metadata")
    model = text(about.get("model_slug"))[:200] if isinstance(about, dict) and role == "assistant" else ""
    return Node(parent, role, said, moment(message.get("create_time"), created), model=model or None)


def _said(message: Mapping[str, Any]) -> tuple[Literal["user", "assistant"] | None, str]:
    """Who speaks, and what people see of it; nobody where it is hidden from them, or said between machines."""
    author, content, about = (message.get(name) for name in ("author", "content", "metadata"))
    role = author.get("role") if isinstance(author, dict) else None
    hidden = isinstance(about, dict) and about.get("is_visually_hidden_from_conversation") is True
    if role not in ("user", "assistant") or hidden or not isinstance(content, dict):
        return None, ""
    if content.get("content_type") not in _SHOWN or message.get("recipient") not in (None, "all"):
        return None, ""
    parts = content.get("parts")
    return role, "\n\n".join(_parts(parts if isinstance(parts, list) else [])).strip()


def _parts(parts: list[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield text(part)
        elif isinstance(part, dict):
            yield text(part.get("text")) or PICTURE
