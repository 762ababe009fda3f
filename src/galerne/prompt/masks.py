"""Grammars -> token masks, by the library `llguidance`: an Earley parser over a lazy automaton of the vocabulary.

Source: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md for the language of grammars.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from numpy.typing import NDArray

from galerne.errors import BadGrammar
from galerne.prompt.tokenizer import Tokenizer
from galerne.settings import Settings

KEPT = 32
"""Grammars that are kept compiled, for the next request with the same one."""

LONGEST_COMPLAINT = 500
_PLACE = re.compile(r"^at \d+\(\d+\): (failed to compile JSON schema: |failed to parse \"%json\": )?")
_QUOTE = re.compile(r"\n +\d+ \| ")  # of a grammar that its author never saw

_LEXER_FUEL = 14_000  # what the library burns in a millisecond, by its own documentation,
_PARSER_ITEMS = 20_000  # and the items that its parser makes meanwhile
_STATE_BYTES = 2_000  # of its automaton


MOST_DIGITS = 40
"""In a row, where anything else may come: a small model that divides 1 by 3 never ends otherwise."""


def parser_limits(mask_milliseconds: float, memory_mb: int) -> LLParserLimits:
    """Counted in the library's units of work, not by a clock: an answer ends at the same token on every machine."""
    return LLParserLimits(
        step_lexer_fuel=int(mask_milliseconds * _LEXER_FUEL),
        step_max_items=int(mask_milliseconds * _PARSER_ITEMS),
        max_lexer_states=(memory_mb << 20) // _STATE_BYTES,
        verbose_errors=False,
    )


class Words:
    """A vocabulary as the library wants it. Raises `BadGrammar`."""

    is_tokenizer_wrapper = True

    def __init__(self, tokenizer: Tokenizer, size: int) -> None:
        if not tokenizer.stop_tokens:
            raise BadGrammar("this model has no token that ends an answer, so it can follow no grammar.")
        self.tokens = [tokenizer.token_bytes(token) for token in range(size)]
        # The library marks special tokens with the byte FF, which no text in UTF-8 has: a token that begins with that
        # byte would be allowed wherever a special one is.
        self.special_token_ids = [
            token for token, content in enumerate(self.tokens) if not content or content[0] == 0xFF
        ]
        for token in self.special_token_ids:
            self.tokens[token] = b"[%d]" % token  # grammars call them by number; no name may begin another one
        self.bos_token_id = tokenizer.bos
        self.eos_token_id = min(tokenizer.stop_tokens)
        self._encode = tokenizer.encode
        self.library = LLTokenizer(self, eos_token=sorted(tokenizer.stop_tokens))  # type: ignore[arg-type]
        self.digits = _mask([content[:1].isdigit() for content in self.tokens])  # tokens that begin with one

    def __call__(self, text: str) -> list[int]:
        return self._encode(text)


def _mask(allowed: list[bool]) -> NDArray[np.int32]:
    bits = np.zeros(-(-len(allowed) // 32) * 32, bool)
    bits[: len(allowed)] = allowed
    return np.packbits(bits, bitorder="little").view(np.int32)


class GrammarMask:
    """The state of one answer's grammar. Fills the engine's `TokenMask`."""

    def __init__(self, matcher: LLMatcher, words: Words) -> None:
        self._matcher = matcher
        self._words = words
        self._allowed = np.zeros(-(-len(words.tokens) // 32), np.int32)
        self._digits = 0  # in a row, at the end of the answer

    def allowed(self) -> NDArray[np.int32]:
        """Once the grammar is complete, the stop tokens alone. Raises `BadGrammar` past a limit."""
        self._matcher.unsafe_compute_mask_ptr(self._allowed.ctypes.data, self._allowed.nbytes)
        if self._matcher.is_error():
            raise BadGrammar(complaint(self._matcher))
        if self._digits >= MOST_DIGITS:
            others = self._allowed & ~self._words.digits
            return others if others.any() else self._allowed
        return self._allowed

    def permits(self, token: int) -> bool:
        """A wrong no is said of stop tokens, and where digits come to their end."""
        return self._digits < MOST_DIGITS and self._matcher.validate_tokens([token]) == 1

    def advance(self, token: int) -> None:
        """Raises `BadGrammar` past a limit."""
        if not self._matcher.consume_token(token):
            raise BadGrammar(complaint(self._matcher))
        content = self._words.tokens[token]
        digits = len(content) - len(content.rstrip(b"0123456789"))
        self._digits = digits + (self._digits if digits == len(content) else 0)


class GrammarCompiler:
    """Makes the masks of one model. Fills the engine's `CompileGrammar`; for one thread at a time."""

    def __init__(self, open_tokenizer: Callable[[], Tokenizer], vocabulary: int, settings: Settings) -> None:
        """`vocabulary`: logits of the model, which may be more than the tokenizer has tokens."""
        self._open_tokenizer = open_tokenizer
        self._vocabulary = vocabulary
        self._words: Words | None = None  # takes a part of a second, and many a model never needs it
        self._limits = parser_limits(settings.mask_milliseconds, settings.grammar_memory_mb)
        self._matchers: OrderedDict[str, LLMatcher] = OrderedDict()

    def __call__(self, grammar: str) -> GrammarMask:
        """Raises `BadGrammar`."""
        if self._words is None:
            self._words = Words(self._open_tokenizer(), self._vocabulary)
        matcher = self._matchers.pop(grammar, None) or self._compile(grammar, self._words)
        self._matchers[grammar] = matcher
        if len(self._matchers) > KEPT:
            self._matchers.popitem(last=False)
        return GrammarMask(matcher.deep_copy(), self._words)

    def _compile(self, grammar: str, words: Words) -> LLMatcher:
        matcher = LLMatcher(words.library, grammar, limits=self._limits, log_level=0)
        if matcher.is_error():
            raise BadGrammar(complaint(matcher))
        return matcher


def complaint(matcher: LLMatcher) -> str:
    """What the library says is wrong, in one line."""
    said = _PLACE.sub("", _QUOTE.split(matcher.get_error())[0].removesuffix("<non-verbose/>"))
    if "coerce_one_of" in said:
        said = "a value may be several of the alternatives of a `oneOf`. Use `anyOf`, or a constant in each"
    return f"{' '.join(said.split()).rstrip('.')[:LONGEST_COMPLAINT]}."
