"""JSON Schema, as far as answers can be made to follow it without fail. What they cannot is refused by name.

Source: https://json-schema.org/draft/2020-12. The rest of the work does the library `llguidance`; its own bounds are in
https://github.com/guidance-ai/llguidance/blob/main/docs/json_schema.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from galerne.prompt.formats import FORMATS

# Keywords that hold a schema, a list of them, or named ones.
_ONE = frozenset({"additionalItems", "additionalProperties"})
_SEVERAL = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"$defs", "definitions", "patternProperties", "properties"})
_NUMBERS = frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"})
_VALUES = frozenset({"const", "enum"})
_OTHERS = frozenset(
    {"maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties", "pattern", "required", "type"}
)
_NOTES = frozenset(
    {
        "$anchor",
        "$comment",
        "contentEncoding",
        "contentMediaType",
        "default",
        "deprecated",
        "description",
        "discriminator",
        "example",
        "examples",
        "readOnly",
        "title",
        "writeOnly",
    }
)
"""Keywords that say nothing about which values are right."""

LARGEST = 2**53
"""Beyond it, not every integer is a number that JavaScript, or the library, can hold."""

Schema = dict[str, Any] | bool


class SchemaError(ValueError):
    """A schema that no answer can be made to follow. `path` leads to the fault."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


def checked(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema in the library's words. Raises `SchemaError`."""
    try:
        root = {key: value for key, value in schema.items() if key not in ("$id", "id")}  # all references are within
        checked = _object(root, "")
        _Finite(checked).check()
    except RecursionError:
        raise SchemaError("it is nested too deeply.", "") from None
    return checked


def _schema(schema: Any, path: str) -> Schema:
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, Mapping):
        raise SchemaError("a schema is an object, or true or false.", path)
    return _object(schema, path)


def _object(schema: Mapping[str, Any], path: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key not in _NOTES and not key.startswith("x-"):
            result[key] = _value(key, value, f"{path}.{key}")
    _settle_format(result, path)
    _settle_discriminator(schema, result)
    _check_properties(result, path)
    return result


def _value(key: str, value: Any, path: str) -> Any:
    if key in _ONE or (key == "items" and not isinstance(value, list)):
        return _schema(value, path)
    if key in _SEVERAL or key == "items":
        if not isinstance(value, list):
            raise SchemaError("must be a list.", path)
        return [_schema(each, f"{path}[{index}]") for index, each in enumerate(value)]
    if key in _NAMED:
        if not isinstance(value, Mapping):
            raise SchemaError("must be an object.", path)
        return {name: _schema(each, f"{path}.{name}") for name, each in value.items()}
    if key in _NUMBERS and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise SchemaError("must be a number.", path)
    if key in _NUMBERS or key in _VALUES:
        _check_numbers(value, path)
        return value
    if key == "pattern":
        check_pattern(value, path)
    if key == "$ref":
        if not isinstance(value, str) or not (value == "#" or value.startswith("#/")):
            raise SchemaError("only references within the schema are followed (#/$defs/...).", path)
        return value
    if key in _OTHERS or key in ("$schema", "format"):
        return value
    raise SchemaError("answers cannot be made to follow this keyword.", path)


def check_pattern(pattern: Any, path: str) -> None:
    """Raises `SchemaError` for what the library would read as another pattern."""
    if not isinstance(pattern, str):
        raise SchemaError("must be a string.", path)
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        raise SchemaError("the pattern ends within an escape.", path)


def _check_numbers(value: Any, path: str) -> None:
    if isinstance(value, list):
        for each in value:
            _check_numbers(each, path)
    elif isinstance(value, Mapping):
        for each in value.values():
            _check_numbers(each, path)
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= LARGEST):
        raise SchemaError(f"numbers go from -2^53 to 2^53, {str(value)[:50]} is beyond.", path)


def _settle_format(schema: dict[str, Any], path: str) -> None:
    """A format is its pattern. Of numbers and the like it says nothing."""
    name = schema.pop("format", None)
    types = schema.get("type", "string")
    if name is None or (types != "string" and not (isinstance(types, list) and "string" in types)):
        return
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise SchemaError(f"the format {str(name)[:50]!r} is not known; known are {known}.", f"{path}.format")
    pattern = FORMATS[name]
    if pattern is None:
        schema["format"] = name
    elif "pattern" not in schema:
        schema["pattern"] = pattern
    else:
        schema["allOf"] = [*schema.get("allOf", ()), {"pattern": pattern}]


def _settle_discriminator(schema: Mapping[str, Any], result: dict[str, Any]) -> None:
    """Of alternatives that a property tells apart (OpenAPI's word), each must have it, so that only one is right."""
    discriminator = schema.get("discriminator")
    name = discriminator.get("propertyName") if isinstance(discriminator, Mapping) else None
    if isinstance(name, str) and "oneOf" in result:
        result["oneOf"] = [
            option if isinstance(option, bool) else {"allOf": [option, {"required": [name]}]}
            for option in result["oneOf"]
        ]


def _check_properties(schema: Mapping[str, Any], path: str) -> None:
    """Two properties whose names are free may be given one name; so only one of them can be asked for."""
    required, least = schema.get("required", []), schema.get("minProperties", 0)
    if isinstance(least, int) and isinstance(required, list) and least > len(required) + 1:
        message = f"at most {len(required) + 1} can be asked for here: the required ones, and one more."
        raise SchemaError(message, f"{path}.minProperties")


class _Finite:
    """Finds schemas whose every value would be infinite, as that of a list item that must hold a further one."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._finite: set[str] = set()  # references that lead to a finite value

    def check(self) -> None:
        if not self._has_value(self._root, frozenset()):
            raise SchemaError("it has no finite value: it requires itself, or nothing is right.", "")

    def _has_value(self, schema: Any, above: frozenset[str]) -> bool:
        """`above`: the references on the way here. Whoever can do without them can do without one twice."""
        if isinstance(schema, bool):
            return schema
        if "const" in schema or "enum" in schema:
            return True
        return (
            self._leads_on(schema.get("$ref"), above)
            and all(self._has_value(each, above) for each in schema.get("allOf", ()))
            and any(self._has_value(each, above) for each in schema.get("anyOf", (True,)))
            and any(self._has_value(each, above) for each in schema.get("oneOf", (True,)))
            and self._can_be_filled(schema, above)
        )

    def _leads_on(self, reference: str | None, above: frozenset[str]) -> bool:
        if reference is None or reference in self._finite:
            return True
        if reference in above or not self._has_value(self._target(reference), above | {reference}):
            return False
        self._finite.add(reference)
        return True

    def _can_be_filled(self, schema: Mapping[str, Any], above: frozenset[str]) -> bool:
        if schema.get("type") in ("object", ["object"]):
            properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
            return all(self._has_value(properties.get(name, others), above) for name in schema.get("required", ()))
        if schema.get("type") in ("array", ["array"]) and schema.get("minItems"):
            first = schema.get("prefixItems", [])[: schema["minItems"]]
            rest = [schema.get("items", True)] if schema["minItems"] > len(first) else []
            return all(self._has_value(each, above) for each in (*first, *rest))
        return True

    def _target(self, reference: str) -> Any:
        """What a JSON pointer leads to (RFC 6901)."""
        place: Any = self._root
        for step in reference[1:].split("/")[1:]:
            step = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(place, list) and step.isdecimal() and int(step) < len(place):
                place = place[int(step)]
            elif isinstance(place, Mapping) and step in place:
                place = place[step]
            else:
                raise SchemaError(f"{reference[:200]!r} leads nowhere.", ".$ref")
        if not isinstance(place, Mapping | bool):
            raise SchemaError(f"{reference[:200]!r} leads to no schema.", ".$ref")
        return place
