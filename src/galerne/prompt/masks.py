"""Grammars -> token masks, by the library `llguidance`: an Earley parser over a lazy automaton of the vocabulary.

Source: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md for the language of grammars.
"""

from __future__ import annotations

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

_LEXER_FUEL = 14_000  # what the library burns in a millisecond, by its own documentation,
_PARSER_ITEMS = 20_000  # and the items that its parser makes meanwhile
_STATE_BYTES = 2_000  # of its automaton


def parser_limits(mask_milliseconds: float, memory_mb: int) -> LLParserLimits:
    """Counted in the library's units of work, not by a clock: an answer ends at the same token on every machine."""
    return LLParserLimits(
        step_lexer_fuel=int(mask_milliseconds * _LEXER_FUEL),
        step_max_items=int(mask_milliseconds * _PARSER_ITEMS),
        max_lexer_states=(memory_mb << 20) // _STATE_BYTES,
        verbose_errors=False,
    )


class GrammarMask:
    """The state of one answer's grammar. Fills the engine's `TokenMask`."""

    def __init__(self, matcher: LLMatcher, vocabulary: int) -> None:
        self._matcher = matcher
        self._allowed = np.zeros(-(-vocabulary // 32), np.int32)

    def allowed(self) -> NDArray[np.int32]:
        """Once the grammar is complete, the stop tokens alone. Raises `BadGrammar` past a limit."""
        self._matcher.unsafe_compute_mask_ptr(self._allowed.ctypes.data, self._allowed.nbytes)
        if self._matcher.is_error():
            raise BadGrammar(complaint(self._matcher))
        return self._allowed

    def advance(self, token: int) -> None:
        """Raises `BadGrammar` past a limit."""
        if not self._matcher.consume_token(token):
            raise BadGrammar(complaint(self._matcher))


class GrammarCompiler:
    """Makes the masks of one model. Fills the engine's `CompileGrammar`; for one thread at a time."""

    def __init__(self, open_tokenizer: Callable[[], Tokenizer], vocabulary: int, settings: Settings) -> None:
        """`vocabulary`: logits of the model, which may be more than the tokenizer has tokens."""
        self._open_tokenizer = open_tokenizer
        self._vocabulary = vocabulary
        self._limits = parser_limits(settings.mask_milliseconds, settings.grammar_memory_mb)
        self._library: LLTokenizer | None = None  # takes a part of a second, and many a model never needs it
        self._matchers: OrderedDict[str, LLMatcher] = OrderedDict()

    def __call__(self, grammar: str) -> GrammarMask:
        """Raises `BadGrammar`."""
        matcher = self._matchers.pop(grammar, None) or self._compile(grammar)
        self._matchers[grammar] = matcher
        if len(self._matchers) > KEPT:
            self._matchers.popitem(last=False)
        return GrammarMask(matcher.deep_copy(), self._vocabulary)

    def _compile(self, grammar: str) -> LLMatcher:
        if self._library is None:
            self._library = _open(self._open_tokenizer(), self._vocabulary)
        matcher = LLMatcher(self._library, grammar, limits=self._limits, log_level=0)
        if matcher.is_error():
            raise BadGrammar(complaint(matcher))
        return matcher


class _Words:
    """A tokenizer as the library wants it."""

    is_tokenizer_wrapper = True

    def __init__(self, tokenizer: Tokenizer, vocabulary: int) -> None:
        tokens = [tokenizer.token_bytes(token) for token in range(vocabulary)]
        self.special_token_ids = [token for token, content in enumerate(tokens) if not content]
        for token in self.special_token_ids:
            tokens[token] = tokenizer.token_text(token).encode()
        self.tokens = tokens
        self.bos_token_id = tokenizer.bos
        self.eos_token_id = min(tokenizer.stop_tokens)
        self._encode = tokenizer.encode

    def __call__(self, text: str) -> list[int]:
        return self._encode(text)


def _open(tokenizer: Tokenizer, vocabulary: int) -> LLTokenizer:
    if not tokenizer.stop_tokens:
        raise BadGrammar("this model has no token that ends an answer, so it can follow no grammar.")
    words = _Words(tokenizer, vocabulary)
    return LLTokenizer(words, eos_token=sorted(tokenizer.stop_tokens))  # type: ignore[arg-type]


def complaint(matcher: LLMatcher) -> str:
    """What the library says is wrong, in one line."""
    words = matcher.get_error().removesuffix("<non-verbose/>").split()
    return f"{' '.join(words).rstrip('.')[:LONGEST_COMPLAINT]}."
