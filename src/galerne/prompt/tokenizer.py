"""The port `Tokenizer`: text <-> token ids, whichever file the vocabulary came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Tokenizer(Protocol):
    """A vocabulary and its rules. `prompt.open_tokenizer` gives one."""

    @property
    def vocabulary_size(self) -> int: ...

    @property
    def bos(self) -> int | None:
        """Put before a text where `add_bos`."""

    @property
    def eos(self) -> int | None: ...

    @property
    def add_bos(self) -> bool: ...

    @property
    def stop_tokens(self) -> frozenset[int]:
        """End of sequence and end of turn."""

    @property
    def strips_space(self) -> bool:
        """`decode` leaves out the one space that a SentencePiece vocabulary puts before a text."""

    @property
    def longest(self) -> int:
        """The bytes of the longest token: a text of n bytes has at least n / longest tokens."""

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        """Token ids, none added. With `control`, the spelling of a control token (`<|im_end|>`) becomes that token;
        without (what a person wrote), it stays text. Raises `InvalidRequest` for text that is not Unicode."""

    def protect(self, text: str) -> str:
        """The text, marked so that `encode(..., control=True)` takes it for what a person wrote: a template puts it
        between its own control tokens."""

    def decode(self, tokens: Sequence[int]) -> str:
        """The text; control tokens are left out, bytes that are not UTF-8 become U+FFFD."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes that a token adds to a text; b"" for a control token or one outside the vocabulary."""

    def find(self, spelling: str) -> int | None:
        """The token that is spelled so in the vocabulary, control tokens included; None when there is none."""

    def token_text(self, token: int) -> str:
        """A token's spelling for people (logprobs)."""


def same_tokens(one: Tokenizer, other: Tokenizer) -> bool:
    """Whether token ids mean the same to both. One may have more of them: models are padded to round sizes."""
    both = range(min(one.vocabulary_size, other.vocabulary_size))
    return all(
        (one.token_bytes(token), one.token_text(token)) == (other.token_bytes(token), other.token_text(token))
        for token in both
    )
