"""What full text is searched by: words without case and accents, the same ones whatever database looks for them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from galerne.protocol.chats import SnippetPart

_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")

MOST_WORDS = 50_000
"""Different words of one text that are looked for: what has more is no text. PostgreSQL indexes a mebibyte at most."""

LONGEST = 64
"""Characters of a word by which it is found: what is longer begins alike."""

KNOWN = 1 << 16
"""Words whose folding is remembered: people use the same ones again and again."""

BEFORE, AFTER = 60, 140
"""Characters of a snippet around the first match."""


def words_of(text: str) -> list[str]:
    """The different words of a text, in order."""
    known: dict[str, None] = {}
    for word in _folded(text):
        known[word] = None
        if len(known) == MOST_WORDS:
            break
    return list(known)


def snippet(text: str, words: Sequence[str]) -> list[SnippetPart]:
    """The text around the first of these words; the last of them may be only the beginning of one."""
    matches = [place.span() for place in _WORD.finditer(text) if _matches(fold(place.group()), words)]
    if not matches:
        return [SnippetPart(text=text[: BEFORE + AFTER], match=False)]
    start = _start_of_word(text, max(0, matches[0][0] - BEFORE))
    end = matches[0][1] + AFTER
    parts: list[SnippetPart] = []
    for first, last in [*((a, b) for a, b in matches if b <= end), (min(end, len(text)),) * 2]:
        parts += [SnippetPart(text=text[start:first], match=False), SnippetPart(text=text[first:last], match=True)]
        start = last
    return [part for part in parts if part.text]


def fold(word: str) -> str:
    """The same for all ways to write it: in capitals, with accents."""
    return _fold(word[:LONGEST])


@lru_cache(KNOWN)
def _fold(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in decomposed if letter.isalnum())[:LONGEST]


def _folded(text: str) -> Iterator[str]:
    return (word for place in _WORD.finditer(text) if (word := fold(place.group())))


def _matches(word: str, words: Sequence[str]) -> bool:
    return word in words or bool(words and word.startswith(words[-1]))


def _start_of_word(text: str, place: int) -> int:
    """Behind the space before this place, if one is near."""
    space = text.find(" ", place, place + BEFORE // 2)
    return place if place == 0 or space < 0 else space + 1
