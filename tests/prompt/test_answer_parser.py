"""Answers fall into their parts, however they break into pieces."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galerne.prompt.answer_parser import AnswerParser
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

Parts = list[tuple[str, str]]

ARGUMENTS = '{"a": "\\"} {", "b": {"c": [{}]}}'
ANSWERS: dict[str, tuple[ToolFormat | None, Thinking | None, str, Parts]] = {
    "text": (None, None, "Hello {x} <tool_call>", [("text", "Hello {x} <tool_call>")]),
    "text of a model that could call": (HERMES, None, "a < b <tool_cal", [("text", "a < b <tool_cal")]),
    "Hermes": (
        HERMES,
        None,
        f'Wait.<tool_call>\n{{"name": "f", "arguments": {ARGUMENTS}}}\n</tool_call>\n'
        '<tool_call>\n{"name": "g_2", "arguments": {}}\n</tool_call>',
        [("text", "Wait."), ("name", "f"), ("arguments", ARGUMENTS), ("name", "g_2"), ("arguments", "{}")],
    ),
    "Mistral's list": (
        MISTRAL_LIST,
        None,
        f'[TOOL_CALLS] [{{"name": "f", "arguments": {ARGUMENTS}}}, {{"name": "g", "arguments": {{}}}}]',
        [("name", "f"), ("arguments", ARGUMENTS), ("name", "g"), ("arguments", "{}")],
    ),
    "Mistral's list, without a space": (
        MISTRAL_LIST,
        None,
        'a [TOOL_CALLS][{"name": "f", "arguments": {}}]',
        [("text", "a "), ("name", "f"), ("arguments", "{}")],
    ),
    "Mistral's names": (
        MISTRAL_NAMED,
        None,
        f"a[TOOL_CALLS]f[ARGS]{ARGUMENTS}[TOOL_CALLS]g[ARGS]{{}}",
        [("text", "a"), ("name", "f"), ("arguments", ARGUMENTS), ("name", "g"), ("arguments", "{}")],
    ),
    "Llama": (
        LLAMA,
        None,
        f'{{"name": "f", "parameters": {ARGUMENTS}}}',
        [("name", "f"), ("arguments", ARGUMENTS)],
    ),
    "Llama, with its tag": (
        LLAMA,
        None,
        '<|python_tag|>{"name": "f", "parameters": {}}',
        [("name", "f"), ("arguments", "{}")],
    ),
    "Llama's text": (LLAMA, None, 'It is {"name": "f", ', [("text", 'It is {"name": "f", ')]),
    "nothing": (LLAMA, MISTRAL_THINKING, "", []),
    "reasoning": (
        None,
        TAGGED_THINKING,
        "<think>\nHm <b>.</think>\n\nYes </think>.",
        [("thinking", "\nHm <b>."), ("text", "Yes </think>.")],
    ),
    "no reasoning": (None, TAGGED_THINKING, "<thin", [("text", "<thin")]),
    "reasoning that was cut": (None, MISTRAL_THINKING, "[THINK]Hm [/THI", [("thinking", "Hm [/THI")]),
    "reasoning and calls": (
        MISTRAL_NAMED,
        MISTRAL_THINKING,
        "[THINK]Hm[/THINK]Well[TOOL_CALLS]f[ARGS]{}",
        [("thinking", "Hm"), ("text", "Well"), ("name", "f"), ("arguments", "{}")],
    ),
    "a call that was cut": (
        HERMES,
        None,
        '<tool_call>\n{"name": "f", "arguments": {"a": "b',
        [("name", "f"), ("arguments", '{"a": "b')],
    ),
    "a name that was cut": (HERMES, None, '<tool_call>\n{"name": "get_wea', []),
}


def parts(parser: AnswerParser, pieces: Sequence[str]) -> tuple[Parts, str]:
    """The parts that are shown, put together, and all of the text."""
    got = [piece for text in pieces for piece in parser.push(text)] + parser.finish()
    shown: Parts = []
    for piece in got:
        if piece.kind == "mark":
            continue
        if shown and shown[-1][0] == piece.kind and piece.kind != "name":
            shown[-1] = (piece.kind, shown[-1][1] + piece.text)
        else:
            shown.append((piece.kind, piece.text))
    return shown, "".join(piece.text for piece in got)


@pytest.mark.parametrize("name", ANSWERS)
@given(data=st.data())
def test_the_parts_of_an_answer(name: str, data: st.DataObject) -> None:
    format, thinking, text, wanted = ANSWERS[name]
    breaks = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in zip([0, *breaks], [*breaks, len(text)], strict=True)]
    assert parts(AnswerParser(format, thinking), pieces) == (wanted, text)


@pytest.mark.parametrize("name", ANSWERS)
def test_letter_by_letter(name: str) -> None:
    format, thinking, text, wanted = ANSWERS[name]
    assert parts(AnswerParser(format, thinking), list(text)) == (wanted, text)


def test_reasoning_that_the_prompt_has_opened() -> None:
    parser = AnswerParser(None, TAGGED_THINKING, thinks_already=True)
    assert parts(parser, list("Hm</think> Yes"))[0] == [("thinking", "Hm"), ("text", "Yes")]


@given(st.lists(st.text('<tol_ca>[]{}ARGSTNK/\\n": ', max_size=6)), st.sampled_from([HERMES, LLAMA, MISTRAL_NAMED]))
def test_whatever_comes_nothing_is_lost(pieces: list[str], format: ToolFormat) -> None:
    assert parts(AnswerParser(format, MISTRAL_THINKING), pieces)[1] == "".join(pieces)


def test_text_is_held_back_no_longer_than_needed() -> None:
    parser = AnswerParser(HERMES)
    assert [piece.text for piece in parser.push("a <tool")] == ["a "]
    assert [piece.text for piece in parser.push("s")] == ["<tools"]
