"""What the files of chats say by themselves, beside what was said: in each official language of the European Union."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from galerne.protocol.chat_exports import ExportLanguage
from galerne.protocol.chats import ChatMessage


@dataclass(frozen=True, slots=True)
class Headings:
    """The words of one language. `headings.toml` has every field."""

    title: str  # of a chat that has none
    notice: str
    mark: str  # at the foot of each page
    question: str
    answer: str
    result: str
    attached: str
    reasoning: str
    stopped: str
    interrupted: str
    failed: str
    running: str

    def of(self, message: ChatMessage) -> str:
        """Who said it, when, and how it ended."""
        who = {"user": self.question, "assistant": self.answer.format(model=message.model), "tool": self.result}
        when = datetime.fromtimestamp(message.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        ended = f", {getattr(self, message.state)}" if message.state != "complete" else ""
        return f"{who[message.role]}, {when}{ended}"


@cache
def headings_in(language: ExportLanguage) -> Headings:
    words = tomllib.loads(files("galerne.assistant").joinpath("headings.toml").read_text("utf-8"))
    return Headings(**words[language])
