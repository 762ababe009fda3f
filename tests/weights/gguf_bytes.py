"""GGUF files spelled out byte by byte, so that tests can lie in any place of them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

UINT32, FLOAT32, BOOL, STRING, ARRAY, UINT64 = 4, 6, 7, 8, 9, 10
F32, Q4_0 = 0, 2


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def u64(value: int) -> bytes:
    return struct.pack("<Q", value)


def string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return u64(len(raw)) + raw


def pair(key: str | bytes, kind: int, value: bytes) -> bytes:
    return string(key) + u32(kind) + value


def array(kind: int, count: int, items: bytes) -> bytes:
    return u32(kind) + u64(count) + items


def info(name: str, shape: tuple[int, ...], kind: int = F32, offset: int = 0) -> bytes:
    """`shape` as numpy says it; the file has it the other way round."""
    return string(name) + u32(len(shape)) + b"".join(u64(size) for size in shape[::-1]) + u32(kind) + u64(offset)


def gguf(
    pairs: list[bytes] | None = None,
    infos: list[bytes] | None = None,
    data: bytes = b"",
    *,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    alignment: int = 32,
) -> bytes:
    pairs, infos = pairs or [], infos or []
    tensors, keys = counts or (len(infos), len(pairs))
    header = b"GGUF" + u32(version) + u64(tensors) + u64(keys) + b"".join(pairs) + b"".join(infos)
    return header + bytes(-len(header) % alignment) + data


def gguf_of(metadata: Mapping[str, Any]) -> bytes:
    """A file without tensors that says this."""
    return gguf([pair(key, *_typed(value)) for key, value in metadata.items()])


def _typed(value: Any) -> tuple[int, bytes]:
    match value:
        case bool():
            return BOOL, bytes([value])
        case int():
            return UINT32, u32(value)
        case float():
            return FLOAT32, struct.pack("<f", value)
        case str():
            return STRING, string(value)
    kinds = [_typed(item) for item in value]
    return ARRAY, array(kinds[0][0], len(kinds), b"".join(item for _, item in kinds))
