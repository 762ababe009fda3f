"""Tokens -> text, one at a time: only what is certain, so that a stream never takes a character back."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Mapping
from types import MappingProxyType

from galerne.prompt.tokenizer import Tokenizer

_Utf8Decoder = getincrementaldecoder("utf-8")


class Detokenizer:
    """Put together, what `push` and `finish` give is just `tokenizer.decode` of all the tokens.

    With `continues`, the tokens go on with a text (an answer's prefix), so that their first space belongs to it.
    `spelled` are control tokens that come as these words: the marks between the parts of an answer.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, continues: bool = False, spelled: Mapping[int, str] = MappingProxyType({})
    ) -> None:
        self._tokenizer = tokenizer
        self._spelled = spelled
        self._decoder = _Utf8Decoder(errors="replace")
        self._strip = tokenizer.strips_space and not continues

    def push(self, token: int) -> str:
        """The text that is certain now. A character's first bytes wait for the rest of them."""
        if token in self._spelled:
            return self.finish() + self._spelled[token]
        return self._first(self._decoder.decode(self._tokenizer.token_bytes(token)))

    @property
    def waits(self) -> bool:
        """Whether the last token ended within a character."""
        return bool(self._decoder.getstate()[0])

    def finish(self) -> str:
        """What still waited: bytes that never became a character end as U+FFFD."""
        return self._first(self._decoder.decode(b"", final=True))

    def _first(self, text: str) -> str:
        if self._strip and text:
            self._strip = False
            return text.removeprefix(" ")
        return text
