"""Titles of chats: the beginning of a question, or what a model made of a conversation."""

from __future__ import annotations

LONGEST = 60
WISH = "Give this conversation a title of at most six words, in its own language. Answer with the title alone."


def title_of(text: str) -> str | None:
    """The beginning of a text, cut between two words; None where there is no text."""
    line = " ".join(text[:1000].split())
    if len(line) <= LONGEST:
        return line or None
    cut = line[:LONGEST].rpartition(" ")[0] or line[:LONGEST]
    return f"{cut.rstrip(' ,;:.')}…"


def tidied(said: str) -> str | None:
    """A model's title without the quotes, the mark-up and the second line that models like."""
    first = next((line for line in said.splitlines() if line.strip(" #*\"'«»“”")), "")
    return title_of(first.strip(" #*\"'«»“”").removeprefix("Title:").rstrip("."))
