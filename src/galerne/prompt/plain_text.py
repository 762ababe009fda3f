"""A text that its caller wrote as a whole, control tokens spelled out <-> token ids."""

from __future__ import annotations

from collections.abc import Sequence

from galerne.prompt.tokenizer import Tokenizer


def encode_text(tokenizer: Tokenizer, text: str, *, begin: bool = True) -> list[int]:
    """The tokens of the text; with `begin`, it begins as the model's texts do, unless it says so itself.

    Raises `InvalidRequest` for text that is not Unicode.
    """
    tokens = tokenizer.encode(text, control=True)
    if begin and tokenizer.add_bos and tokenizer.bos is not None and tokens[:1] != [tokenizer.bos]:
        tokens.insert(0, tokenizer.bos)
    return tokens


def spell(tokenizer: Tokenizer, tokens: Sequence[int]) -> str:
    """The text of the tokens, control tokens spelled out."""
    contents = [tokenizer.token_bytes(token) or tokenizer.token_text(token).encode() for token in tokens]
    first = next((place for place, token in enumerate(tokens) if tokenizer.token_bytes(token)), None)
    if tokenizer.strips_space and first is not None:
        contents[first] = contents[first].removeprefix(b" ")
    return b"".join(contents).decode(errors="replace")
