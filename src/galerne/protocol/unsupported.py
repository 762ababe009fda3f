"""Fields that the clients know and this version does not implement.

One is accepted when it asks for nothing (null, or what the clients send by default), and else refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

UNSUPPORTED = "unsupported_field"
"""The type of a validation error about such a field."""


@dataclass(frozen=True, slots=True, eq=False)  # `Annotated` takes equal ones for one, and 0 equals False
class _Only:
    neutral: tuple[Any, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, _: core_schema.CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"enum": [None, *self.neutral], "description": "Not implemented."}

    def _check(self, value: Any) -> Any:
        if value is None or any(value == ok and type(value) is type(ok) for ok in self.neutral):
            return value
        raise PydanticCustomError(UNSUPPORTED, "this version does not implement it; leave the field out")


def only(*neutral: Any) -> _Only:
    """For `Annotated[Any, only(...)]`: null and these values, which ask for nothing."""
    return _Only(neutral)


def _functions_only(tool: Any) -> Any:
    kind = tool.get("type", "function") if isinstance(tool, dict) else "function"
    if isinstance(kind, str) and kind != "function":
        raise PydanticCustomError(
            UNSUPPORTED, "this version has no tool `{kind}`, only functions", {"kind": kind[:100]}
        )
    return tool


functions_only = BeforeValidator(_functions_only)
"""For `Annotated[..., functions_only]`: tools that a server would run itself are refused by name."""
