"""Texts by themselves, as completions and embeddings have them <-> token ids."""

from __future__ import annotations

from collections.abc import Sequence

from galerne.prompt.tokenizer import Tokenizer


def encode_text(tokenizer: Tokenizer, text: str, *, begin: bool = True) -> list[int]:
    """The tokens of a text that its caller wrote as a whole, so that the spelling of a control token is that token.

    With `begin`, it begins as the model's texts do, unless it says so itself. Raises `InvalidRequest` for text that is
    not Unicode.
    """
    tokens = tokenizer.encode(text, control=True)
    if begin and tokenizer.add_bos and tokenizer.bos is not None and tokens[:1] != [tokenizer.bos]:
        tokens.insert(0, tokenizer.bos)
    return tokens


def embedding_tokens(tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of a text that somebody wrote, as embedders see it: with those of its beginning and its end.

    Raises `InvalidRequest` for text that is not Unicode.
    """
    first = [tokenizer.bos] if tokenizer.add_bos and tokenizer.bos is not None else []
    last = [] if tokenizer.eos is None else [tokenizer.eos]
    return [*first, *tokenizer.encode(text), *last]


def spell(tokenizer: Tokenizer, tokens: Sequence[int]) -> str:
    """The text of the tokens, control tokens spelled out."""
    contents = [tokenizer.token_bytes(token) or tokenizer.token_text(token).encode() for token in tokens]
    first = next((place for place, token in enumerate(tokens) if tokenizer.token_bytes(token)), None)
    if tokenizer.strips_space and first is not None:
        contents[first] = contents[first].removeprefix(b" ")
    return b"".join(contents).decode(errors="replace")
