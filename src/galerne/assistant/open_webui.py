"""Open WebUI's export: a list of rows, each with a `chat` whose `history` is a tree.

Source: `src/lib/utils` and `backend/open_webui/models/chats.py` of https://github.com/open-webui/open-webui
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from galerne.assistant.arrivals import Arrival, Node, Unreadable, moment, plant, text, title


def is_open_webui(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("chat"), dict)


def read_open_webui(document: Mapping[str, Any]) -> Arrival:
    """One row. Raises `Unreadable`."""
    chat = document["chat"]
    created = moment(document.get("created_at"), time.time())
    history = chat.get("history")
    known = history.get("messages") if isinstance(history, dict) else None
    if not isinstance(known, dict):
        raise Unreadable("it has no history of messages.")
    current = history.get("currentId")
    nodes = {id: _node(message, created) for id, message in known.items()}
    messages, active = plant(nodes, current if isinstance(current, str) else None)
    return Arrival(
        title=title(document.get("title")) or title(chat.get("title")),
        created_at=created,
        updated_at=moment(document.get("updated_at"), created),
        messages=messages,
        active=active,
        archived=document.get("archived") is True,
        pinned=document.get("pinned") is True,
    )


def _node(message: Any, created: float) -> Node:
    if not isinstance(message, dict):
        raise Unreadable("a message of it is no object.")
    parent, role, said = message.get("parentId"), message.get("role"), text(message.get("content"))
    parent = parent if isinstance(parent, str) else None
    at = moment(message.get("timestamp"), created)
    match role:
        case "user":
            return Node(parent, "user", said, at)
        case "assistant":
            return Node(parent, "assistant", said, at, model=text(message.get("model"))[:200] or None)
        case _:
            return Node(parent, None, "", at)
