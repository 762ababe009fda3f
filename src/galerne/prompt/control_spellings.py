"""Words that are control tokens of one model, and text of another."""

from __future__ import annotations

import re
from collections.abc import Iterable

from galerne.prompt.tokenizer import Tokenizer


class ControlSpellings:
    """Which of some words are control tokens of a model."""

    def __init__(self, tokenizer: Tokenizer, words: Iterable[str]) -> None:
        self.tokens: dict[str, int] = {}
        for word in words:
            tokens = tokenizer.encode(word, control=True)
            if len(tokens) == 1 and not tokenizer.token_bytes(tokens[0]):
                self.tokens[word] = tokens[0]
        self._split = re.compile(f"({'|'.join(map(re.escape, self.tokens))})") if self.tokens else None

    def is_control(self, word: str) -> bool:
        return word in self.tokens

    def cut(self, text: str) -> list[str | int]:
        """Pieces of text and tokens, none of them empty."""
        pieces = self._split.split(text) if self._split else [text]
        return [self.tokens.get(piece, piece) for piece in pieces if piece]
