"""Grammars of whole answers: what a model may say in each family's form, and that it is understood."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import numpy as np
import pytest
from tests.flows.fakes import STOP, ByteTokenizer

from galerne.errors import BadGrammar, InvalidRequest
from galerne.prompt.answer_grammar import AnswerGrammar, CallableTool, Calls
from galerne.prompt.answer_parser import AnswerParser
from galerne.prompt.control_spellings import ControlSpellings
from galerne.prompt.detokenizer import Detokenizer
from galerne.prompt.grammars import GrammarPart, Grammars, SchemaPart
from galerne.prompt.masks import GrammarCompiler, GrammarMask
from galerne.prompt.tool_format import (
    HERMES,
    LLAMA,
    MISTRAL_LIST,
    MISTRAL_NAMED,
    MISTRAL_THINKING,
    TAGGED_THINKING,
    Thinking,
    ToolFormat,
)
from galerne.settings import Settings

CONTROL = ["[TOOL_CALLS]", "[ARGS]", "[THINK]", "[/THINK]", "<|python_tag|>"]
FORMATS = {"Hermes": HERMES, "Mistral's list": MISTRAL_LIST, "Mistral's names": MISTRAL_NAMED, "Llama": LLAMA}


class ControlTokenizer(ByteTokenizer):
    """Bytes, and some control tokens from 257 on."""

    vocabulary_size = STOP + 1 + len(CONTROL)

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        return [STOP + 1 + CONTROL.index(text)] if control and text in CONTROL else super().encode(text)

    def token_text(self, token: int) -> str:
        return CONTROL[token - STOP - 1] if token > STOP else super().token_text(token)


TOKENIZER = ControlTokenizer()
SPELLINGS = ControlSpellings(TOKENIZER, [*CONTROL, "<tool_call>", "<think>", "</think>"])
COMPILE = GrammarCompiler(lambda: TOKENIZER, TOKENIZER.vocabulary_size, Settings())
WEATHER = CallableTool(
    "weather",
    {
        "type": "object",
        "properties": {"city": {"enum": ["Brest", "Nice"]}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["city"],
        "additionalProperties": False,
    },
    where="tools[0]",
    strict=False,
)
TIME = CallableTool(
    "time", {"type": "object", "properties": {}, "additionalProperties": False}, where="tools[1]", strict=False
)


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    return Grammars(Settings())


def mask(
    grammars: Grammars,
    format: ToolFormat,
    calls: Calls | None,
    form: list[GrammarPart] | None = None,
    thinking: Thinking | None = None,
    *,
    thinks_already: bool = False,
) -> GrammarMask:
    grammar = AnswerGrammar(SPELLINGS, format, thinking, thinks_already)
    return COMPILE(asyncio.run(grammars.compile(grammar.parts(form or [], calls), "tools")))


def calls(*, forced: bool = False, parallel: bool = True) -> Calls:
    return Calls([WEATHER, TIME], forced, parallel)


def follow(mask: GrammarMask, text: str) -> tuple[bool, str]:
    """Whether an answer may be this text, or begin with it; and the part that is right."""
    tokens = [
        token for piece in SPELLINGS.cut(text) for token in ([piece] if isinstance(piece, int) else piece.encode())
    ]
    for place, token in enumerate(tokens):
        if not _bits(mask)[token]:
            return False, "".join(map(TOKENIZER.token_text, tokens[:place]))
        mask.advance(token)
    return bool(_bits(mask)[STOP]), text


def _bits(mask: GrammarMask) -> np.ndarray:
    return np.unpackbits(mask.allowed().view(np.uint8), bitorder="little")


def write(mask: GrammarMask, draw: Random, most: int = 3000) -> str:
    """Any answer, spelled with its control tokens."""
    detokenizer = Detokenizer(TOKENIZER, spelled={token: word for word, token in SPELLINGS.tokens.items()})
    text = ""
    for _ in range(most):
        allowed = np.flatnonzero(_bits(mask)).tolist()
        token = STOP if STOP in allowed and draw.random() < 0.3 else draw.choice(allowed)
        if token == STOP:
            return text + detokenizer.finish()
        mask.advance(token)
        text += detokenizer.push(token)
    raise AssertionError("the answer does not come to an end")


ONE = {
    HERMES: '<tool_call>\n{"name": "weather", "arguments": {"city": "Nice"}}\n</tool_call>',
    MISTRAL_LIST: '[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Nice"}}]',
    MISTRAL_NAMED: '[TOOL_CALLS]weather[ARGS]{"city": "Nice"}',
    LLAMA: '{"name": "weather", "parameters": {"city": "Nice"}}',
}
TWO = {
    HERMES: f'{ONE[HERMES]}\n<tool_call>\n{{"name": "time", "arguments": {{}}}}\n</tool_call>',
    MISTRAL_LIST: f'[TOOL_CALLS] {ONE[MISTRAL_LIST][12:-1]}, {{"name": "time", "arguments": {{}}}}]',
    MISTRAL_NAMED: f"{ONE[MISTRAL_NAMED]}[TOOL_CALLS]time[ARGS]{{}}",
}


@pytest.mark.parametrize("name", FORMATS)
def test_calls_that_a_model_may_make(name: str, grammars: Grammars) -> None:
    format = FORMATS[name]
    assert follow(mask(grammars, format, calls()), ONE[format])[0]
    assert follow(mask(grammars, format, calls(forced=True)), ONE[format])[0]
    assert follow(mask(grammars, format, calls()), "Just text, with a [ and a {")[0]
    assert not follow(mask(grammars, format, calls(forced=True)), "Just text")[0]


@pytest.mark.parametrize("name", ["Hermes", "Mistral's list", "Mistral's names"])
def test_several_calls(name: str, grammars: Grammars) -> None:
    format = FORMATS[name]
    assert follow(mask(grammars, format, calls()), TWO[format])[0]
    assert follow(mask(grammars, format, calls()), f"Well. {TWO[format]}")[0]
    assert not follow(mask(grammars, format, calls(parallel=False)), TWO[format])[0]
    assert not follow(mask(grammars, format, calls()), f"{ONE[format]} And more text.")[0]


@pytest.mark.parametrize("name", ["Hermes", "Mistral's list", "Mistral's names"])
def test_once_a_call_has_begun_it_is_a_right_one(name: str, grammars: Grammars) -> None:
    format = FORMATS[name]
    right = f"a {ONE[format]}"
    assert not follow(mask(grammars, format, calls()), right.replace("weather", "stocks"))[0]
    assert not follow(mask(grammars, format, calls()), right.replace("Nice", "Paris"))[0]
    assert not follow(mask(grammars, format, calls()), right.replace("city", "town"))[0]


@pytest.mark.parametrize("forced", [True, False])
@pytest.mark.parametrize("name", FORMATS)
def test_whatever_it_writes_is_understood(name: str, forced: bool, grammars: Grammars) -> None:
    format = FORMATS[name]
    made = 0
    for seed in range(8):
        text = write(mask(grammars, format, calls(forced=forced)), Random(seed))
        parser = AnswerParser(format)
        pieces = parser.push(text) + parser.finish()
        names = [piece.text for piece in pieces if piece.kind == "name"]
        arguments = [json.loads(piece.text) for piece in pieces if piece.kind == "arguments"]
        assert len(names) == len(arguments)
        for called, given in zip(names, arguments, strict=True):
            assert called in ("weather", "time")
            assert called == "time" or given["city"] in ("Brest", "Nice")
        made += len(names)
        assert names or not forced
    assert made or not forced


@pytest.mark.parametrize("thinking", [MISTRAL_THINKING, TAGGED_THINKING])
@pytest.mark.parametrize("name", FORMATS)
def test_reasoning_comes_first(name: str, thinking: Thinking, grammars: Grammars) -> None:
    format, reasoned = FORMATS[name], f"{thinking.opening}Hm. {thinking.closing}\n"
    for forced in (True, False):
        assert follow(mask(grammars, format, calls(forced=forced), None, thinking), reasoned + ONE[format])[0]
        assert follow(mask(grammars, format, calls(forced=forced), None, thinking), ONE[format])[0]
    already = mask(grammars, format, calls(forced=True), None, thinking, thinks_already=True)
    assert follow(already, f"Hm.{thinking.closing}{ONE[format]}")[0]
    assert not follow(mask(grammars, format, calls(), None, thinking, thinks_already=True), "Hm.")[0]


YES: list[GrammarPart] = [SchemaPart({"type": "object", "properties": {"yes": {"type": "boolean"}}}, "form")]


def test_a_form_or_a_call(grammars: Grammars) -> None:
    for format in (HERMES, MISTRAL_LIST, MISTRAL_NAMED):
        assert follow(mask(grammars, format, calls(), YES), '{"yes": true}')[0]
        assert follow(mask(grammars, format, calls(), YES), ONE[format])[0]
        assert not follow(mask(grammars, format, calls(), YES), "text")[0]
        assert not follow(mask(grammars, format, calls(forced=True), YES), '{"yes": true}')[0]
    with pytest.raises(InvalidRequest, match="cannot be told from JSON"):
        mask(grammars, LLAMA, calls(), YES)


def test_a_form_behind_reasoning(grammars: Grammars) -> None:
    assert follow(mask(grammars, HERMES, None, YES, TAGGED_THINKING), '<think>a</think>\n\n{"yes": true}')[0]
    assert follow(mask(grammars, HERMES, None, YES, TAGGED_THINKING), '{"yes": true}')[0]
    assert not follow(mask(grammars, HERMES, None, YES, TAGGED_THINKING), "<think>a</think>b")[0]


def test_a_tool_that_need_not_be_called_may_be_called_with_anything() -> None:
    odd: dict[str, Any] = {"type": "object", "not": {}}
    loose = Calls([CallableTool("a", odd, "w", strict=False), CallableTool("b", odd, "w", strict=True)], False, True)
    assert [tool.arguments for tool in loose.loosened.tools] == [{"type": "object"}, odd]
    forced = Calls(loose.tools, True, True)
    assert forced.loosened == forced


def test_a_schema_that_cannot_be_followed_names_its_tool(grammars: Grammars) -> None:
    odd = Calls(
        [TIME, CallableTool("a", {"type": "object", "not": {}}, "tools[1].function.parameters", True)], True, True
    )
    with pytest.raises(BadGrammar) as caught:
        mask(grammars, HERMES, odd)
    assert caught.value.where == "tools[1].function.parameters.not"
