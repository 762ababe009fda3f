"""The wire format of protocol buffers, as far as SentencePiece's models need it.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

MAX_FIELDS = (1 << 20) + 64


def varint(value: int) -> bytes:
    """A number in groups of 7 bits, the lowest first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def number_field(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def bytes_field(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def float_field(field: int, value: float) -> bytes:
    """Raises `OverflowError` for what is no 32-bit float."""
    return varint(field << 3 | 5) + struct.pack("<f", value)


def contents(message: memoryview[int]) -> Iterator[tuple[int, memoryview[int]]]:
    """(field, content) of those fields that are texts or messages themselves. Raises `ValueError`."""
    place = 0
    for _ in range(MAX_FIELDS):
        if place >= len(message):
            return
        key, place = _read_varint(message, place)
        match key & 7:
            case 0:
                _, place = _read_varint(message, place)
            case 1:
                place += 8
            case 5:
                place += 4
            case 2 if key < 1 << 32:
                size, place = _read_varint(message, place)
                yield key >> 3, message[place : place + size]
                place += size
            case _:
                raise ValueError("has a field of a kind that is not known")
    raise ValueError(f"has more than {MAX_FIELDS} fields")


def _read_varint(message: memoryview[int], place: int) -> tuple[int, int]:
    """The number that begins at a place, and the place behind it."""
    value = 0
    for end in range(place, min(place + 10, len(message))):
        value |= (message[end] & 0x7F) << 7 * (end - place)
        if message[end] < 0x80:
            return value, end + 1
    raise ValueError("has a number without an end")
