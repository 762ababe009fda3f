"""More than 200 JSON schemas that answers must follow: every kind of value in every place, and whole documents."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def record(required: Schema, optional: Schema | None = None, **more: Any) -> Schema:
    """An object of just these properties."""
    properties = {**required, **(optional or {})}
    fields = {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}
    return fields | more


STRINGS: dict[str, Schema] = {
    "short": {"type": "string", "maxLength": 12},
    "some": {"type": "string", "minLength": 3, "maxLength": 20},
    "exact": {"type": "string", "minLength": 5, "maxLength": 5},
    "empty": {"type": "string", "maxLength": 0},
    "digits": {"type": "string", "pattern": "^[0-9]{3,6}$"},
    "code": {"type": "string", "pattern": "^[A-Z]{2}-\\d{4}$"},
    "slug": {"type": "string", "pattern": "^[a-z]+(-[a-z]+){0,3}$", "maxLength": 30},
    "contains": {"type": "string", "pattern": "mer", "maxLength": 12},
    "starts": {"type": "string", "pattern": "^Le ", "maxLength": 16},
    "alternatives": {"type": "string", "pattern": "^(oui|non|peut-être)$"},
    "accents": {"type": "string", "pattern": "^[àâäéèêëîïôöùûüç]{1,6}$"},
    "escaped": {"type": "string", "pattern": '^["\\\\]{1,3}$'},
    "newlines": {"type": "string", "pattern": "^a\\nb$"},
    "word": {"type": "string", "pattern": "^\\w{1,8}$"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "moment": {"type": "string", "format": "date-time"},
    "this century": {"type": "string", "format": "date", "pattern": "^20"},
    "email": {"type": "string", "format": "email", "maxLength": 40},
    "ipv4": {"type": "string", "format": "ipv4"},
    "ipv6": {"type": "string", "format": "ipv6"},
    "uuid": {"type": "string", "format": "uuid"},
    "hostname": {"type": "string", "format": "hostname", "maxLength": 30},
    "uri": {"type": "string", "format": "uri", "maxLength": 40},
    "duration": {"type": "string", "format": "duration", "maxLength": 20},
    "colour": {"enum": ["red", "green", "blue"]},
    "typed colour": {"type": "string", "enum": ["rouge", "vert", "bleu", "à pois"]},
}

NUMBERS: dict[str, Schema] = {
    "positive": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
    "byte": {"type": "integer", "minimum": 0, "maximum": 255},
    "negative": {"type": "integer", "minimum": -99, "maximum": -10},
    "open": {"type": "integer", "exclusiveMinimum": -3, "exclusiveMaximum": 3},
    "one": {"type": "integer", "minimum": 7, "maximum": 7},
    "even": {"type": "integer", "multipleOf": 2, "minimum": 0, "maximum": 1000},
    "sevens": {"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 700},
    "large": {"type": "integer", "minimum": 2**52, "maximum": 2**53},
    "share": {"type": "number", "minimum": 0, "maximum": 1},
    "inside": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "temperature": {"type": "number", "minimum": -273.15, "maximum": 1000},
    "halves": {"type": "number", "multipleOf": 0.5, "minimum": 0, "maximum": 10},
    "tiny": {"type": "number", "minimum": 0.001, "maximum": 0.002},
    "mixed": {"enum": [1, 2.5, -3]},
}

OTHERS: dict[str, Schema] = {
    "flag": {"type": "boolean"},
    "nothing": {"type": "null"},
    "constant": {"const": "fixed"},
    "constant number": {"const": 42},
    "constant list": {"const": [1, "two", None]},
    "constant object": {"const": {"a": True, "b": [0]}},
    "text or nothing": {"type": ["string", "null"], "maxLength": 10},
    "number or flag": {"type": ["integer", "boolean"], "minimum": 0, "maximum": 9},
    "union": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 9}, {"type": "string", "maxLength": 6}]},
    "apart": {"oneOf": [{"type": "boolean"}, {"type": "null"}]},
    "both": {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 8}]},
    "anything listed": {"enum": [None, True, "x", 1, [2], {"k": "v"}]},
    "pair": {"type": "array", "prefixItems": [{"type": "integer", "maximum": 99}, {"type": "boolean"}], "items": False},
    "few": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 4},
    "none": {"type": "array", "maxItems": 0},
    "grid": {
        "type": "array",
        "items": {"type": "array", "items": {"enum": [0, 1]}, "minItems": 2, "maxItems": 2},
        "maxItems": 3,
    },
    "map": {
        "type": "object",
        "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 9},
        "maxProperties": 3,
    },
    "named": {
        "type": "object",
        "patternProperties": {"^n_[a-z]{1,4}$": {"type": "boolean"}},
        "additionalProperties": False,
    },
}

VALUES = {**STRINGS, **NUMBERS, **OTHERS}

PLACES = {
    "required": lambda value: record({"value": value}),
    "optional": lambda value: record({"name": {"enum": ["a", "b"]}}, {"value": value}),
    "listed": lambda value: record({"values": {"type": "array", "items": value, "minItems": 1, "maxItems": 3}}),
    "nullable": lambda value: record({"value": {"anyOf": [value, {"type": "null"}]}}),
}

_LINKED = record({"value": {"type": "integer", "maximum": 9}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}})
_TREE = {
    "$defs": {
        "node": record(
            {"name": {"type": "string", "maxLength": 6}},
            {"children": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 2}},
        )
    },
    "$ref": "#/$defs/node",
}
_CAT = record({"kind": {"const": "cat"}, "lives": {"type": "integer", "minimum": 1, "maximum": 9}})
_DOG = record({"kind": {"const": "dog"}, "good": {"const": True}})
_ADDRESS = record({"street": STRINGS["some"], "city": STRINGS["short"], "zip": STRINGS["digits"]})
_POINT = {"type": "array", "items": NUMBERS["temperature"], "minItems": 2, "maxItems": 2}

DOCUMENTS: dict[str, Schema] = {
    "a value alone": {"type": "string", "maxLength": 20},
    "a number alone": {"type": "number", "minimum": 0, "maximum": 100},
    "a list alone": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "maxItems": 5},
    "no property": record({}),
    "anything": {"type": "object", "maxProperties": 2, "additionalProperties": {"type": ["boolean", "null"]}},
    "unicode keys": record({"été": {"type": "boolean"}, "名前": STRINGS["short"], "🌬": {"type": "null"}}),
    "odd keys": record({'quo"te': {"type": "null"}, "back\\slash": {"type": "null"}, "new\nline": {"type": "null"}}),
    "an empty key": record({"": {"type": "boolean"}}),
    "keys that begin alike": record({"a": {"type": "null"}, "ab": {"type": "null"}, "abc": {"type": "null"}}),
    "a linked list": _LINKED,
    "a tree": _TREE,
    "mutual recursion": {
        "$defs": {
            "a": record({"b": {"anyOf": [{"$ref": "#/$defs/b"}, {"type": "null"}]}}),
            "b": record({"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "boolean"}]}}),
        },
        "$ref": "#/$defs/a",
    },
    "pointers with escapes": {
        "$defs": {"a/b": {"type": "boolean"}, "c~d": {"type": "null"}, "é f": {"const": 1}},
        **record({"x": {"$ref": "#/$defs/a~1b"}, "y": {"$ref": "#/$defs/c~0d"}, "z": {"$ref": "#/$defs/%C3%A9%20f"}}),
    },
    "a reference to a property": record({"a": {"type": "boolean"}, "b": {"$ref": "#/properties/a"}}),
    "told apart": {"oneOf": [_CAT, _DOG]},
    "told apart by a discriminator": {
        "$defs": {
            "Cat": {
                "type": "object",
                "properties": {"kind": {"const": "cat", "default": "cat"}, "x": {"type": "null"}},
            },
            "Dog": {"type": "object", "properties": {"kind": {"const": "dog", "default": "dog"}}},
        },
        **record(
            {
                "pet": {
                    "discriminator": {"propertyName": "kind", "mapping": {"cat": "#/$defs/Cat", "dog": "#/$defs/Dog"}},
                    "oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}],
                }
            }
        ),
    },
    "all together": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"]},
            {"properties": {"a": {"maximum": 5}, "b": {"type": "boolean"}}, "required": ["b"], "maxProperties": 3},
        ],
    },
    "deep": record({"a": record({"b": record({"c": record({"d": record({"e": {"type": "boolean"}})})})})}),
    "many optional ones": record({}, {f"option_{letter}": {"type": "boolean"} for letter in "abcdefghij"}),
    "at least one": record({}, {"a": {"type": "null"}, "b": {"type": "null"}}, minProperties=1),
    "required but not described": {
        "type": "object",
        "required": ["a", "b"],
        "additionalProperties": {"type": "boolean"},
        "maxProperties": 3,
    },
    "notes": record(
        {
            "a": {
                "type": "boolean",
                "title": "A",
                "description": "Is it?",
                "default": True,
                "examples": [False],
                "deprecated": True,
                "readOnly": True,
                "x-order": 1,
            }
        },
        title="Notes",
    ),
    "draft 7": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"size": {"type": "integer", "minimum": 0, "maximum": 99}},
        **record({"size": {"$ref": "#/definitions/size"}}),
    },
    "an id": {
        "$id": "https://example.org/person",
        "$defs": {"n": NUMBERS["byte"]},
        **record({"n": {"$ref": "#/$defs/n"}}),
    },
    "a person": record({"name": STRINGS["some"], "age": NUMBERS["byte"]}, {"address": _ADDRESS}),
    "an invoice": record(
        {
            "number": STRINGS["code"],
            "issued": STRINGS["date"],
            "currency": {"enum": ["EUR", "USD"]},
            "lines": {
                "type": "array",
                "items": record({"what": STRINGS["some"], "quantity": NUMBERS["byte"], "price": NUMBERS["halves"]}),
                "minItems": 1,
                "maxItems": 3,
            },
        },
        {"paid": {"type": "boolean"}},
    ),
    "an appointment": record(
        {
            "title": STRINGS["some"],
            "starts": STRINGS["moment"],
            "guests": {"type": "array", "items": STRINGS["email"], "maxItems": 2},
        }
    ),
    "a recipe": record(
        {
            "dish": STRINGS["some"],
            "minutes": NUMBERS["byte"],
            "steps": {"type": "array", "items": STRINGS["some"], "minItems": 2, "maxItems": 4},
        }
    ),
    "a feature on a map": record(
        {
            "type": {"const": "Feature"},
            "geometry": {
                "anyOf": [
                    record({"type": {"const": "Point"}, "coordinates": _POINT}),
                    record(
                        {
                            "type": {"const": "LineString"},
                            "coordinates": {"type": "array", "items": _POINT, "minItems": 2, "maxItems": 3},
                        }
                    ),
                ]
            },
            "properties": {"type": ["object", "null"], "additionalProperties": STRINGS["short"], "maxProperties": 2},
        }
    ),
    "a log line": record(
        {"at": STRINGS["moment"], "level": {"enum": ["debug", "info", "error"]}, "from": STRINGS["ipv4"]},
        {"trace": STRINGS["uuid"]},
    ),
    "a sentiment": record(
        {"label": {"enum": ["positive", "neutral", "negative"]}, "confidence": NUMBERS["share"]},
    ),
    "a filter": {
        "$defs": {
            "test": record({"field": STRINGS["slug"], "equals": {"type": ["string", "integer"], "maxLength": 5}}),
            "any": {"anyOf": [{"$ref": "#/$defs/test"}, {"$ref": "#/$defs/every"}]},
            "every": record({"all": {"type": "array", "items": {"$ref": "#/$defs/any"}, "minItems": 1, "maxItems": 2}}),
        },
        "$ref": "#/$defs/any",
    },
    "a chess move": {"type": "string", "pattern": "^[KQRBN]?[a-h]?[1-8]?x?[a-h][1-8](=[QRBN])?[+#]?$"},
    "an answer with its reasons": record(
        {
            "reasons": {"type": "array", "items": STRINGS["some"], "minItems": 1, "maxItems": 3},
            "answer": {"anyOf": [{"type": "boolean"}, NUMBERS["byte"], STRINGS["short"]]},
        }
    ),
}


def golden_schemas() -> dict[str, Schema]:
    """By name."""
    placed = {f"{name}, {place}": put(value) for place, put in PLACES.items() for name, value in VALUES.items()}
    return {**placed, **DOCUMENTS}
