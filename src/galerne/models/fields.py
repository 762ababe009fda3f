"""Reading a model's metadata without believing it: each value has a type and bounds, or it is a `BadFile`."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from galerne.errors import BadFile, UnsupportedFile


@dataclass(frozen=True, slots=True)
class Fields:
    """Metadata of one file. A missing key takes the default; without a default (None) it is an error."""

    label: str  # put before the key in errors: "config.json: ", "model.gguf: llama."
    values: Mapping[str, Any]

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self._get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.bad(key, f"should be a whole number from {low} to {high}, not {reprlib.repr(value)}.")
        return int(value)

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        value = self._get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise self.bad(key, f"should be a number from {low:g} to {high:g}, not {reprlib.repr(value)}.")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.bad(key, f"should be true or false, not {reprlib.repr(value)}.")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, default)
        if not isinstance(value, str):
            raise self.bad(key, f"should be a string, not {reprlib.repr(value)}.")
        return value

    def inner(self, key: str) -> Fields:
        """The object under `key`; an empty one when it is missing or null."""
        value = self.values.get(key)
        if value is None:
            return Fields(f"{self.label}{key}.", {})
        if not isinstance(value, Mapping):
            raise self.bad(key, f"should be an object, not {reprlib.repr(value)}.")
        return Fields(f"{self.label}{key}.", value)

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self.values.get(key) is not None

    def require(self, true: bool, key: str, message: str) -> None:
        """Raise `BadFile` about `key` unless `true`."""
        if not true:
            raise self.bad(key, message)

    def bad(self, key: str, message: str) -> BadFile:
        return BadFile(message, where=f"{self.label}{key}")

    def unsupported(self, key: str, message: str) -> UnsupportedFile:
        return UnsupportedFile(message, where=f"{self.label}{key}")

    def _get(self, key: str, default: Any) -> Any:
        value = self.values.get(key)
        if value is not None:
            return value
        if default is None:
            raise self.bad(key, "is missing.")
        return default
