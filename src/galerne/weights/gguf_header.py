"""The header of a GGUF file, read value by value and never beyond what the file has."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from galerne.errors import BadFile

MAX_NAME = 1 << 16  # bytes, of a key or a tensor's name; the specification's own limit
MAX_STRING = 1 << 24  # bytes, of a value: chat templates and whole vocabularies live in them
MAX_ITEMS = 1 << 22  # in all arrays together: a vocabulary of 262,144 has 1.3 million
MAX_NESTING = 4

UINT32, UINT64 = struct.Struct("<I"), struct.Struct("<Q")

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 10: "Q", 11: "q", 12: "d"}
BOOL, STRING, ARRAY = 7, 8, 9
SMALLEST = {BOOL: 1, STRING: 8, ARRAY: 12} | {number: struct.calcsize(code) for number, code in SCALARS.items()}
"""The fewest bytes that one value of a type takes."""


class HeaderReader:
    """A cursor over the mapped file. Every read raises `BadFile` where the file is too short or not what it says."""

    def __init__(self, view: memoryview[int]) -> None:
        self.position = 0
        self._view = view
        self._items = 0

    @contextmanager
    def inside(self, what: str) -> Iterator[None]:
        """Say in an error what was being read."""
        try:
            yield
        except BadFile as error:
            raise type(error)(error.message, where=what) from None

    def bytes(self, count: int) -> memoryview[int]:
        start = self._advance(count)
        return self._view[start : start + count]

    def uint32(self) -> int:
        return int(UINT32.unpack_from(self._view, self._advance(4))[0])

    def uint64(self) -> int:
        return int(UINT64.unpack_from(self._view, self._advance(8))[0])

    def name(self) -> str:
        return self._string(MAX_NAME)

    def value(self, kind: int, depth: int = 0) -> Any:
        """One value of GGUF's type `kind`; an array becomes a list."""
        if kind in SCALARS:
            code = SCALARS[kind]
            return struct.unpack_from("<" + code, self._view, self._advance(struct.calcsize(code)))[0]
        if kind == BOOL:
            return self._bools(1)[0]
        if kind == STRING:
            return self._string(MAX_STRING)
        if kind == ARRAY:
            return self._array(depth + 1)
        raise BadFile(f"has a value of type {kind}, which GGUF does not know.")

    def _array(self, depth: int) -> list[Any]:
        kind, count = self.uint32(), self.uint64()
        if depth > MAX_NESTING:
            raise BadFile(f"nests arrays more than {MAX_NESTING} deep.")
        if kind not in SMALLEST:
            raise BadFile(f"is an array of type {kind}, which GGUF does not know.")
        self._items += count
        if self._items > MAX_ITEMS:
            raise BadFile(f"claims an array of {count}; all arrays together may hold {MAX_ITEMS} values.")
        if count * SMALLEST[kind] > len(self._view) - self.position:
            raise BadFile(f"claims an array of {count}, more than the file has room for.")
        if kind in SCALARS:
            code = f"<{count}{SCALARS[kind]}"
            return list(struct.unpack_from(code, self._view, self._advance(struct.calcsize(code))))
        if kind == BOOL:
            return self._bools(count)
        return [self.value(kind, depth) for _ in range(count)]

    def _bools(self, count: int) -> list[bool]:
        raw = self.bytes(count).tobytes()
        if raw.strip(b"\x00\x01"):
            raise BadFile("has a truth value that is neither 0 nor 1.")
        return [byte == 1 for byte in raw]

    def _string(self, limit: int) -> str:
        length = self.uint64()
        if length > limit:
            raise BadFile(f"claims a string of {length} bytes; at most {limit} are read.")
        try:
            return str(self.bytes(length), "utf-8")
        except UnicodeDecodeError as error:
            raise BadFile(f"holds text that is not UTF-8: {error.reason}.") from None

    def _advance(self, count: int) -> int:
        start = self.position
        if count > len(self._view) - start:
            raise BadFile(f"ends at byte {len(self._view)} in the middle of its header: it is truncated or lying.")
        self.position = start + count
        return start
