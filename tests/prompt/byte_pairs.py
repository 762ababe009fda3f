"""Byte-level BPE, slow and obvious: a second opinion, over another engine of regular expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import regex
from transformers.convert_slow_tokenizer import bytes_to_unicode


def slow_encoder(
    metadata: Mapping[str, Any], patterns: tuple[str, ...], *, ignore_merges: bool
) -> Callable[[str], list[int]]:
    """The tokens of a text, for a GGUF 'gpt2' vocabulary: cut by each pattern in turn, then merge, best pair first."""
    ids = {spelling: token for token, spelling in enumerate(metadata["tokenizer.ggml.tokens"])}
    ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(metadata["tokenizer.ggml.merges"])}
    alphabet = bytes_to_unicode()
    compiled = [regex.compile(pattern) for pattern in patterns]

    @cache
    def merged(word: str) -> tuple[int, ...]:
        parts = [alphabet[byte] for byte in word.encode()]
        if ignore_merges and "".join(parts) in ids:
            return (ids["".join(parts)],)
        while len(parts) > 1:
            rank, place = min((ranks.get(pair, len(ranks)), at) for at, pair in enumerate(pairwise(parts)))
            if rank == len(ranks):
                break
            parts[place : place + 2] = ["".join(parts[place : place + 2])]
        return tuple(ids[part] for part in parts if part in ids)

    def encode(text: str) -> list[int]:
        words = [text]
        for pattern in compiled:
            words = [piece for word in words for piece in _cut(pattern, word)]
        return [token for word in words for token in merged(word)]

    return encode


def _cut(pattern: regex.Pattern[str], text: str) -> list[str]:
    """The matches, and what lies between them."""
    pieces, done = [], 0
    for match in pattern.finditer(text):
        pieces += [text[done : match.start()], match[0]]
        done = match.end()
    return [piece for piece in (*pieces, text[done:]) if piece]
