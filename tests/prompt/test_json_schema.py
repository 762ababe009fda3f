"""Which schemas answers can be made to follow, and what is said of the others."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galerne.prompt.formats import FORMATS
from galerne.prompt.json_schema import SchemaError, checked


def refusal(schema: dict[str, Any]) -> SchemaError:
    with pytest.raises(SchemaError) as caught:
        checked(schema)
    return caught.value


@pytest.mark.parametrize(
    "keyword",
    [
        "not",
        "if",
        "uniqueItems",
        "contains",
        "propertyNames",
        "dependentRequired",
        "unevaluatedProperties",
        "$dynamicRef",
        "nullable",
        "minLenght",
    ],
)
def test_what_cannot_be_followed_is_refused_by_its_name(keyword: str) -> None:
    assert refusal({keyword: True}).path == f".{keyword}"
    nested = {"properties": {"a": {"items": {"anyOf": [{}, {keyword: True}]}}}}
    assert refusal(nested).path == f".properties.a.items.anyOf[1].{keyword}"
    assert refusal({"$defs": {"x": {keyword: True}}}).path == f".$defs.x.{keyword}"


def test_a_property_may_have_any_name() -> None:
    schema = {"properties": {"not": {"type": "null"}, "$ref": True, "if": {}}, "required": ["not"]}
    assert checked(schema) == schema


def test_notes_say_nothing_and_are_left_out() -> None:
    notes = {"title": "T", "description": "D", "default": 1, "deprecated": True, "x-guidance": {"lenient": True}}
    assert checked({"type": "integer", **notes}) == {"type": "integer"}


def test_the_order_of_properties_stays() -> None:
    schema = {"properties": {"z": {}, "a": {}, "m": {}}, "required": ["m"]}
    assert list(checked(schema)["properties"]) == ["z", "a", "m"]


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"maximum": 10**300}, ".maximum"),
        ({"minimum": -(2**53) - 1}, ".minimum"),
        ({"minimum": float("nan")}, ".minimum"),
        ({"const": 2**60}, ".const"),
        ({"enum": [1, {"a": [float("inf")]}]}, ".enum"),
        ({"exclusiveMinimum": True}, ".exclusiveMinimum"),
        ({"multipleOf": "2"}, ".multipleOf"),
    ],
)
def test_numbers_that_cannot_be_held(schema: dict[str, Any], path: str) -> None:
    assert refusal(schema).path == path


@pytest.mark.parametrize("value", [3, "x", [], None])
def test_what_is_no_schema(value: object) -> None:
    assert refusal({"items": {"additionalProperties": value}}).path == ".items.additionalProperties"
    assert refusal({"anyOf": [value]}).path == ".anyOf[0]"


@pytest.mark.parametrize(
    "reference", ["https://example.org/s.json", "file:///etc/passwd", "#name", "other.json#/a", "", 3, None, "#a/b"]
)
def test_references_lead_to_places_within(reference: object) -> None:
    assert refusal({"items": {"$ref": reference}}).path == ".items.$ref"


@pytest.mark.parametrize("reference", ["#/$defs/b", "#/$defs/a/3", "#/$defs/a/enum", "#/$defs/a/enum/7"])
def test_references_lead_somewhere(reference: str) -> None:
    assert "leads" in str(refusal({"$defs": {"a": {"enum": [1]}}, "$ref": reference}))


@pytest.mark.parametrize(
    "endless",
    [
        {"$ref": "#"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "object", "additionalProperties": {"$ref": "#"}, "required": ["a"]},
        {"type": "array", "items": {"$ref": "#"}, "minItems": 1},
        {"type": "array", "prefixItems": [{"$ref": "#"}], "minItems": 1},
        {"anyOf": [{"$ref": "#"}, {"allOf": [{"type": "null"}, {"$ref": "#"}]}]},
        {"properties": {}, "allOf": [False]},
    ],
)
def test_a_schema_without_a_finite_value(endless: dict[str, Any]) -> None:
    assert "no finite value" in str(refusal(endless))


@pytest.mark.parametrize(
    "finite",
    [
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"type": "array", "items": {"$ref": "#"}},
        {"type": ["array", "null"], "items": {"$ref": "#"}, "minItems": 1},
        {"anyOf": [{"type": "array", "items": {"$ref": "#"}, "minItems": 1}, {"type": "null"}]},
        {"$defs": {"a~/ b": {"enum": [1]}}, "$ref": "#/$defs/a~0~1%20b"},
        {"anyOf": [{"const": 1}, {"$ref": "#/anyOf/0"}]},
        {},
    ],
)
def test_a_schema_with_one(finite: dict[str, Any]) -> None:
    assert checked(finite) == finite


def test_a_schema_that_is_nested_too_deeply() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"items": schema}
    assert "nested too deeply" in str(refusal(schema))


def test_properties_whose_names_are_free_may_be_the_same_one() -> None:
    assert checked({"required": ["a", "b"], "minProperties": 3})
    assert refusal({"required": ["a"], "minProperties": 3}).path == ".minProperties"
    assert refusal({"items": {"minProperties": 2}}).path == ".items.minProperties"


def test_alternatives_that_a_property_tells_apart_have_it() -> None:
    schema = {"discriminator": {"propertyName": "kind"}, "oneOf": [{"title": "A"}, {"type": "null"}]}
    assert checked(schema) == {
        "oneOf": [{"allOf": [{}, {"required": ["kind"]}]}, {"allOf": [{"type": "null"}, {"required": ["kind"]}]}]
    }


def test_formats() -> None:
    assert checked({"type": "string", "format": "uuid"}) == {"type": "string", "format": "uuid"}
    assert checked({"type": "integer", "format": "int64"}) == {"type": "integer"}
    assert checked({"type": "string", "format": "date"})["pattern"] == FORMATS["date"]
    both = checked({"type": ["string", "null"], "format": "date", "pattern": "^20"})
    assert both["pattern"] == "^20"
    assert both["allOf"] == [{"pattern": FORMATS["date"]}]
    assert refusal({"items": {"type": "string", "format": "password"}}).path == ".items.format"


@given(st.datetimes(timezones=st.timezones()))
def test_every_moment_has_the_formats(moment: datetime) -> None:
    stamp = moment.astimezone(tz=None).isoformat()
    if re.search(r"[+-]\d\d:\d\d$", stamp):  # old time zones were off by seconds, too
        assert re.search(FORMATS["date-time"] or "", stamp)
        assert re.search(FORMATS["time"] or "", stamp.partition("T")[2])
    assert re.search(FORMATS["date"] or "", moment.date().isoformat())


@given(st.from_regex(re.compile(FORMATS["date-time"] or "", re.ASCII), fullmatch=True))
def test_what_has_the_format_is_a_moment(text: str) -> None:
    day, _, clock = text.partition("T")
    assert date.fromisoformat(day)
    assert time.fromisoformat(clock)


@pytest.mark.parametrize("text", ["2023-02-29", "1900-02-29", "0000-01-01", "2024-04-31", "2024-13-01", "2024-00-10"])
def test_days_that_never_were(text: str) -> None:
    assert not re.search(FORMATS["date"] or "", text)


@pytest.mark.parametrize("text", ["2024-02-29", "2000-02-29", "0004-02-29", "0400-02-29", "0001-01-01", "9999-12-31"])
def test_days_that_were(text: str) -> None:
    assert date.fromisoformat(text)
    assert re.search(FORMATS["date"] or "", text)
