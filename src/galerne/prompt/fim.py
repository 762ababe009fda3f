"""Filling in the middle: what is before and after a gap -> the tokens that ask for what belongs into it.

Sources: Bavarian et al. 2022, https://arxiv.org/abs/2207.14255, for the idea; each family has tokens and an order of
its own: mistral-common's `encode_fim` (Codestral), https://arxiv.org/abs/2409.12186 (Qwen2.5-Coder),
https://arxiv.org/abs/2305.06161 (StarCoder), https://arxiv.org/abs/2308.12950 (Code Llama),
https://arxiv.org/abs/2401.14196 (DeepSeek-Coder).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from galerne.prompt.tokenizer import Tokenizer


class Side(Enum):
    """What stands between the control tokens."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Family:
    """How a family of models was taught: control tokens, as they are spelled, and the two sides of the gap."""

    form: tuple[str | Side, ...]
    stops: tuple[str, ...]  # control tokens that end the middle, besides the model's own; those that there are


FAMILIES = (
    Family(("[SUFFIX]", Side.AFTER, "[PREFIX]", Side.BEFORE), ()),
    Family(
        ("<|fim_prefix|>", Side.BEFORE, "<|fim_suffix|>", Side.AFTER, "<|fim_middle|>"),
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
    ),
    Family(
        ("<fim_prefix>", Side.BEFORE, "<fim_suffix>", Side.AFTER, "<fim_middle>"),
        ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<fim_pad>", "<file_sep>"),
    ),
    Family(("▁<PRE>", Side.BEFORE, "▁<SUF>", Side.AFTER, "▁<MID>"), ("▁<EOT>",)),
    Family(("<｜fim▁begin｜>", Side.BEFORE, "<｜fim▁hole｜>", Side.AFTER, "<｜fim▁end｜>"), ()),
)

_BEGINNING = "☺"
"""Put before a text, it takes the space that a SentencePiece vocabulary would put there."""


class FillInTheMiddle:
    """The form that a tokenizer's control tokens allow."""

    def __init__(self, tokenizer: Tokenizer, family: Family) -> None:
        self._tokenizer = tokenizer
        self._family = family
        stops = (tokenizer.find(spelling) for spelling in family.stops)
        self.stop_tokens = frozenset(stop for stop in stops if stop is not None)

    def encode(self, before: str, after: str) -> list[int]:
        """The prompt; no text in it can spell a control token. Raises `InvalidRequest` for text that is not Unicode."""
        sides = {Side.BEFORE: self._tokenizer.encode(before), Side.AFTER: self._encode_within(after)}
        tokenizer = self._tokenizer
        tokens = [tokenizer.bos] if tokenizer.add_bos and tokenizer.bos is not None else []
        for part in self._family.form:
            tokens += sides[part] if isinstance(part, Side) else [_token(tokenizer, part)]
        return tokens

    def _encode_within(self, text: str) -> list[int]:
        """As it goes on within a file: without the space of a beginning."""
        if not self._tokenizer.strips_space:
            return self._tokenizer.encode(text)
        return self._tokenizer.encode(_BEGINNING + text)[len(self._tokenizer.encode(_BEGINNING)) :]


def find_fim(tokenizer: Tokenizer) -> FillInTheMiddle | None:
    """The form of the first family whose control tokens the vocabulary has; None: it has none."""
    for family in FAMILIES:
        spellings = [part for part in family.form if isinstance(part, str)]
        if all(tokenizer.find(spelling) is not None for spelling in spellings):
            return FillInTheMiddle(tokenizer, family)
    return None


def _token(tokenizer: Tokenizer, spelling: str) -> int:
    token = tokenizer.find(spelling)
    assert token is not None  # as `find_fim` made sure
    return token
