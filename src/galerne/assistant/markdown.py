"""A branch of a chat as Markdown: what was said as it was said, and a mark on what a model made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from galerne.assistant.headings import Headings
from galerne.protocol.chat_exports import TRAINED
from galerne.protocol.chats import ChatMessage


def markdown(title: str | None, line: Sequence[ChatMessage], headings: Headings) -> str:
    """The document. Its front matter says to machines what the notice says to people."""
    title = title or headings.title
    head = {"title": title, "ai_generated": True, "digital_source_type": TRAINED}
    front = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in head.items())
    parts = [f"---\n{front}\n---", f"# {' '.join(title.split())}", f"*{headings.notice}*"]
    return "\n\n".join([*parts, *(part for message in line for part in _parts(message, headings))]) + "\n"


def _parts(message: ChatMessage, headings: Headings) -> Iterator[str]:
    yield f"## {headings.of(message)}"
    for file in message.attachments:
        yield headings.attached.format(name=file.name)
    if message.reasoning:
        yield _fenced("reasoning", message.reasoning)
    if message.content:
        yield message.content
    for call in message.tool_calls:
        yield _fenced("json", json.dumps({call.function.name: call.function.arguments}, ensure_ascii=False))


def _fenced(language: str, text: str) -> str:
    """A block whose fence is longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
