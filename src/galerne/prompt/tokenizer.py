"""The port `Tokenizer`: text <-> token ids, whichever file the vocabulary came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Tokenizer(Protocol):
    """A vocabulary and its rules. Implementations: `bpe`, `sentencepiece_`, `hf`, `mistral`."""

    vocabulary_size: int
    bos: int | None  # put before a text where `add_bos`
    add_bos: bool
    stop_tokens: frozenset[int]  # end of sequence and end of turn

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        """Token ids, none added. With `control`, the spelling of a control token (`<|im_end|>`) becomes that token;
        without (what a person wrote), it stays text."""

    def decode(self, tokens: Sequence[int]) -> str:
        """The text; control tokens are left out, bytes that are not UTF-8 become U+FFFD."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes that a token adds to a text; b"" for a control token."""

    def token_text(self, token: int) -> str:
        """A token's spelling for people (logprobs)."""
