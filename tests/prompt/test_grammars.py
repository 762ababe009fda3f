"""Grammars of strangers: compiled, or refused with a reason, by processes that may be killed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from galerne.errors import BadGrammar
from galerne.prompt.grammars import KEPT, PROCESSES, GrammarPart, Grammars, PatternPart, SchemaPart
from galerne.settings import Settings

WHERE = "response_format.json_schema.schema"


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    return Grammars(Settings())


async def refusal(grammars: Grammars, *parts: GrammarPart) -> BadGrammar:
    with pytest.raises(BadGrammar) as caught:
        await grammars.compile(["start: ", *parts], WHERE)
    return caught.value


def schema(value: dict[str, Any]) -> SchemaPart:
    return SchemaPart(value, WHERE)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "null"}
    for _ in range(depth):
        value = {"type": "object", "properties": {"a": value}, "required": ["a"]}
    return value


def doubled(times: int) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "null"}
    for _ in range(times):
        value = {"anyOf": [value, {"type": "array", "items": value}]}
    return value


HOSTILE: dict[str, dict[str, Any]] = {
    "deep": nested(400),
    "rather deep": nested(100),
    "exponential": doubled(16),
    "a huge enumeration": {"enum": [f"value {number}" for number in range(100_000)]},
    "ten megabytes": {"enum": ["x" * 10_000] * 1_000},
    "an exploding pattern": {"type": "string", "pattern": "^(.{1,1000}){1,1000}$"},
    "patterns that must all fit": {
        "allOf": [{"type": "string", "pattern": f"(a|b)*a(a|b){{{length}}}"} for length in range(1, 14)]
    },
    "a pattern that looks ahead": {"type": "string", "pattern": "^(?=a)b"},
    "thousands of optional properties": {"type": "object", "properties": {f"p{n}": {} for n in range(3_000)}},
    "hundreds of optional properties": {"type": "object", "properties": {f"p{n}": {} for n in range(800)}},
    "alternatives of alternatives": {
        "allOf": [{"anyOf": [{"properties": {f"p{a}{b}": {}}} for a in range(4)]} for b in range(10)]
    },
    "a giant number": {"type": "integer", "minimum": -(10**300), "maximum": 10**300},
    "a giant divisor": {"type": "integer", "multipleOf": 999_999_937},
    "a circle": {"$ref": "#"},
    "another host": {"$ref": "https://example.org/schema.json"},
    "a file": {"$ref": "file:///etc/passwd"},
    "nothing is right": {"type": "integer", "minimum": 5, "maximum": 3},
    "an unknown keyword": {"not": {"type": "string"}},
    "a way around": {"type": "object", "x-guidance": {"lenient": True}, "properties": {"a": {"not": {}}}},
    "no draft of ours": {"$schema": "https://example.org/draft", "type": "string"},
    "alternatives that are not told apart": {"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]},
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_schemas_are_refused(name: str, grammars: Grammars) -> None:
    error = await refusal(grammars, schema(HOSTILE[name]))
    assert str(error.where).startswith(WHERE)
    assert "\n" not in error.message
    assert len(error.message) < 600


async def test_the_next_one_does_not_suffer(grammars: Grammars) -> None:
    for _ in range(PROCESSES):
        await refusal(grammars, schema({"allOf": [*HOSTILE["patterns that must all fit"]["allOf"], {}]}))
    assert "boolean" in await grammars.compile(["start: ", schema({"type": "boolean"})], WHERE)


async def test_the_fault_is_named(grammars: Grammars) -> None:
    error = await refusal(grammars, schema({"properties": {"a": {"uniqueItems": True}}}))
    assert error.where == f"{WHERE}.properties.a.uniqueItems"


@pytest.mark.parametrize("pattern", ["(", "(?=a)b", "a{2,1}", "[z-a]", "\\", "(.{1,1000}){1,1000}"])
async def test_patterns_that_are_none(pattern: str, grammars: Grammars) -> None:
    assert (await refusal(grammars, PatternPart(pattern, WHERE))).where == WHERE


async def test_a_grammar_has_several_parts(grammars: Grammars) -> None:
    grammar = await grammars.compile(
        ['start: "<a>" ', schema({"type": "null"}), " ", PatternPart("b/c", WHERE), ' "</a>"'], WHERE
    )
    assert grammar.startswith('start: "<a>" %json {"type": "null"')
    assert "/b\\/c/" in grammar


async def test_white_space_is_bounded_whatever_the_schema_says(grammars: Grammars) -> None:
    grammar = await grammars.compile(["start: ", schema({"x-guidance": {"whitespace_flexible": True}})], WHERE)
    assert json.loads(grammar.partition("%json ")[2])["x-guidance"].keys() == {"whitespace_pattern"}


async def test_time_is_a_setting() -> None:
    impatient = Grammars(Settings(grammar_seconds=0.05))
    error = await refusal(impatient, schema(HOSTILE["patterns that must all fit"]))
    assert "more than 0.05 seconds" in str(error)


async def test_size_is_a_setting() -> None:
    small = Grammars(Settings(max_grammar_kb=1))
    assert "more than 1 KiB" in str(await refusal(small, schema({"enum": ["x" * 1024]})))
    assert await small.compile(["start: ", schema({"enum": ["x" * 500]})], WHERE)


async def test_memory_is_bounded() -> None:
    grammars = Grammars(Settings(grammar_memory_mb=1))
    assert "states" in str(await refusal(grammars, PatternPart("(a|b)*a(a|b){14}", WHERE)))


async def test_what_is_known_is_not_checked_again() -> None:
    grammars = Grammars(Settings())
    for number in range(KEPT + 5):
        assert await grammars.compile([f'start: "{number}"'], WHERE) == f'start: "{number}"'
    first, again = [await refusal(grammars, PatternPart("(", WHERE)) for _ in range(2)]
    assert first is not again
    assert str(first) == str(again)
