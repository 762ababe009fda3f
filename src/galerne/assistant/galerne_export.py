"""Chats that leave one Galerne and arrive at another one, or come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from galerne.assistant.arrivals import Arrival, Node, Unreadable, plant, text, title
from galerne.protocol.chat_exports import ExportedChat, ExportedFile
from galerne.protocol.chats import ChatMessage


def is_galerne(document: Any) -> bool:
    return isinstance(document, dict) and document.get("object") == "chat"


def read_galerne(document: Mapping[str, Any]) -> Arrival:
    """One chat. The texts of its files become part of what was said. Raises `Unreadable`."""
    try:
        chat = ExportedChat.model_validate(document)
    except ValidationError as error:
        fault = error.errors()[0]
        raise Unreadable(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}.") from None
    files = {file.id: file for file in chat.files}
    messages, active = plant({each.id: _node(each, files) for each in chat.messages}, chat.active)
    return Arrival(
        title=title(chat.title),
        created_at=chat.created_at,
        updated_at=chat.updated_at,
        messages=messages,
        active=active,
        archived=chat.archived,
        pinned=chat.pinned,
    )


def _node(message: ChatMessage, files: Mapping[str, ExportedFile]) -> Node:
    read = [files[each.id] for each in message.attachments if each.id in files]
    said = "\n\n".join([*(f"{file.name}:\n\n{file.text}" for file in read), message.content])
    return Node(
        message.parent,
        message.role,
        text(said),
        message.created_at,
        model=message.model,
        reasoning=message.reasoning,
    )
