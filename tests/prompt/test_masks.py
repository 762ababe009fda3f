"""Grammars -> the tokens that may come next."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
from llguidance import LLMatcher
from tests.flows.fakes import STOP, ByteTokenizer

from galerne.errors import BadGrammar
from galerne.prompt import open_tokenizer
from galerne.prompt.masks import KEPT, GrammarCompiler, GrammarMask
from galerne.settings import Settings
from galerne.weights import open_checkpoint

PERSON = LLMatcher.grammar_from_json_schema(
    {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "maximum": 99}},
        "required": ["name", "age"],
        "additionalProperties": False,
        "x-guidance": {"whitespace_flexible": False},
    }
)


def compiler(**settings: object) -> GrammarCompiler:
    return GrammarCompiler(ByteTokenizer, ByteTokenizer.vocabulary_size, Settings.model_validate(settings))


def allowed(mask: GrammarMask) -> list[int]:
    return np.flatnonzero(np.unpackbits(mask.allowed().view(np.uint8), bitorder="little")).tolist()


def written(mask: GrammarMask, draw: Random, most: int = 500) -> list[int]:
    """The tokens of a whole answer, drawn from those that are allowed."""
    tokens: list[int] = []
    while STOP not in (choices := allowed(mask)):
        assert len(tokens) < most
        tokens.append(draw.choice(choices))
        mask.advance(tokens[-1])
    assert choices == [STOP]
    mask.advance(STOP)
    return tokens


def test_whatever_is_allowed_leads_to_an_answer() -> None:
    compile_grammar = compiler()
    for seed in range(50):
        answer = json.loads(bytes(written(compile_grammar(PERSON), Random(seed))))
        assert answer.keys() == {"name", "age"}
        assert len(answer["name"]) <= 8
        assert answer["age"] <= 99


@pytest.mark.parametrize("grammar", [PERSON, "start: /[a-c]{1,8}/", r"start: /\d+(\.\d+)?/", 'start: "no" | "nothing"'])
def test_of_one_token_the_same_is_said_as_of_all(grammar: str) -> None:
    compile_grammar = compiler()
    for seed in range(10):
        mask, draw = compile_grammar(grammar), Random(seed)
        for _ in range(60):
            choices = allowed(mask)
            quick = [token for token in range(ByteTokenizer.vocabulary_size) if mask.permits(token)]
            assert {*quick, STOP} == {*choices, STOP}
            assert STOP in choices or STOP not in quick
            if choices == [STOP]:
                break
            mask.advance(draw.choice([token for token in choices if token != STOP]))


def test_answers_to_one_grammar_do_not_meet() -> None:
    compile_grammar = compiler()
    first, second = compile_grammar(PERSON), compile_grammar(PERSON)
    first.advance(ord("{"))
    assert allowed(second) == [ord("{")]
    assert allowed(first) == [ord('"')]


def test_grammars_are_kept_and_not_for_ever() -> None:
    compile_grammar = compiler()
    for number in range(2 * KEPT):
        mask = compile_grammar(f'start: "{number}"')
        assert allowed(mask) == [ord(str(number)[0])]
    assert allowed(compile_grammar('start: "0"')) == [ord("0")]


@pytest.mark.parametrize("grammar", ["", "start", "start: /(/", 'start: %json {"not": {}}', "{}", "start: <[999]>"])
def test_what_is_no_grammar_is_refused_in_one_line(grammar: str) -> None:
    with pytest.raises(BadGrammar) as caught:
        compiler()(grammar)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("limit", "grammar", "words"),
    [
        ({"mask_milliseconds": 0.1}, "start: /(.{1,1000}){1,1000}/", "too many expressions"),
        ({"grammar_memory_mb": 1}, "start: /(a|b)*a(a|b){12}/", "too many states"),
    ],
)
def test_past_a_limit_the_answer_ends(limit: dict[str, float], grammar: str, words: str) -> None:
    mask = compiler(**limit)(grammar)
    draw = Random(0)
    with pytest.raises(BadGrammar, match=words):
        write(mask, draw, 1_000)
    # A further word is no way around it.
    with pytest.raises(BadGrammar, match=words):
        mask.allowed()


def write(mask: GrammarMask, draw: Random, tokens: int) -> None:
    for _ in range(tokens):
        mask.advance(draw.choice([token for token in allowed(mask) if token != STOP]))


def test_a_model_whose_answers_have_no_end_follows_no_grammar() -> None:
    class Endless(ByteTokenizer):
        stop_tokens = frozenset[int]()

    with pytest.raises(BadGrammar, match="no token that ends an answer"):
        GrammarCompiler(Endless, 257, Settings())(PERSON)


def test_where_a_control_token_may_come_no_byte_of_none_may() -> None:
    mask = compiler()(f'start: <[{STOP}]> "a"')
    assert allowed(mask) == [STOP]


def test_the_tokens_of_a_true_vocabulary(default_model: Path) -> None:
    tokenizer = open_tokenizer(open_checkpoint(default_model))
    vocabulary = tokenizer.vocabulary_size + 64  # rows of the output that are no token's
    anything = GrammarCompiler(lambda: tokenizer, vocabulary, Settings())("start: /(.|\\n)*/")
    tokens = allowed(anything)
    assert max(tokens) < tokenizer.vocabulary_size
    assert {token for token in tokens if not tokenizer.token_bytes(token)} == tokenizer.stop_tokens
    assert len(tokens) > 0.9 * tokenizer.vocabulary_size
    for token in tokenizer.encode('{"name": "Zoé 🌬", "age": 7}'):
        assert token in allowed(anything)
        anything.advance(token)
