"""The program that puts grammars together and tries them out, confined to a process of its own: a client wrote them.

A grammar arrives in parts: text in the library's language, schemas and patterns. It is right when the library compiles
it, and a random answer that follows it stays within the limits.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, regex_to_lark

from galerne.prompt.confined import serve
from galerne.prompt.json_schema import SchemaError, check_pattern, checked
from galerne.prompt.masks import complaint, parser_limits

WHITESPACE = "( |\\n {0,16})?"
"""Where JSON may have white space: a space, or a new line and its indentation. The bound keeps a model from putting off
for ever what comes next."""

STEPS = 300
"""Bytes of the answer that is tried out."""


_vocabulary = LLTokenizer("byte")


def reply(question: dict[str, Any]) -> dict[str, Any]:
    """A "grammar", or why it was "refused" and the "path" to the fault."""
    try:
        grammar = "".join(_text(part) for part in question["parts"])
    except SchemaError as error:
        return {"refused": str(error), "path": error.path}
    fault = _try_out(grammar, parser_limits(question["mask_milliseconds"], question["memory_mb"]))
    return {"refused": fault} if fault else {"grammar": grammar}


def _text(part: str | dict[str, Any]) -> str:
    if isinstance(part, str):
        return part
    if "pattern" in part:
        check_pattern(part["pattern"], part["where"])
        return f"/{regex_to_lark(part['pattern'])}/"
    try:
        schema = checked(part["schema"])
    except SchemaError as error:
        raise SchemaError(str(error), part["where"] + error.path) from None
    return f"%json {json.dumps(schema | {'x-guidance': {'whitespace_pattern': WHITESPACE}})}"


def _try_out(grammar: str, limits: LLParserLimits) -> str | None:
    """What is wrong with it."""
    matcher = LLMatcher(_vocabulary, grammar, limits=limits, log_level=0)
    words = np.zeros(-(-_vocabulary.vocab_size // 32), np.int32)
    draw = Random(0)
    for _ in range(STEPS):
        matcher.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
        if matcher.is_error():
            return complaint(matcher)
        allowed = np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))
        going_on = [int(token) for token in allowed if token < 256]
        if not going_on:
            return None
        if not matcher.consume_token(draw.choice(going_on)):
            return complaint(matcher)
    return None


if __name__ == "__main__":
    serve(reply)
