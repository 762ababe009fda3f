"""GGUF, versions 2 and 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).

    magic, version, tensor count, key count | key-values | tensor descriptions | padding | tensor data

A file is a stranger's: every count, length, offset and type in it is checked against the bytes that are really there
before anything is allocated or believed, so a lying file costs no more time and memory than its own size.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from galerne.errors import BadFile, UnsupportedFile
from galerne.weights.checkpoint import Checkpoint
from galerne.weights.gguf_header import HeaderReader
from galerne.weights.kinds import BY_NUMBER, UNREADABLE, Kind
from galerne.weights.mapped_file import map_file
from galerne.weights.tensor import Tensor

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
MAX_ALIGNMENT = 1 << 16
MAX_KEYS = 1 << 16
MAX_TENSORS = 1 << 16
MAX_DIMENSIONS = 4


def open_gguf(path: Path) -> Checkpoint:
    """Map a file and check all of its header. Raises `BadFile`, `UnsupportedFile`, `ModelNotFound`."""
    view = map_file(path)
    try:
        reader = HeaderReader(view)
        tensor_count, key_count = _counts(reader)
        metadata = _metadata(reader, key_count)
        infos = [_tensor_info(reader) for _ in range(tensor_count)]
        tensors = _tensors(view, reader.position, _alignment(metadata), infos)
    except BadFile as error:
        raise type(error)(error.message, where=f"{path}: {error.where}" if error.where else str(path)) from None
    return Checkpoint(path=path, format="gguf", metadata=metadata, tensors=tensors, files=(path,), maps=(view,))


def _counts(reader: HeaderReader) -> tuple[int, int]:
    if reader.bytes(4) != MAGIC:
        raise BadFile("is not a GGUF file: it does not begin with the letters GGUF.")
    version = reader.uint32()
    if version & 0xFFFF == 0:
        raise UnsupportedFile("is a big-endian GGUF file; only little-endian ones can be read.")
    if version not in VERSIONS:
        raise UnsupportedFile(f"is GGUF version {version}; versions 2 and 3 can be read.")
    tensor_count, key_count = reader.uint64(), reader.uint64()
    if tensor_count > MAX_TENSORS:
        raise BadFile(f"claims {tensor_count} tensors; at most {MAX_TENSORS} are read.")
    if key_count > MAX_KEYS:
        raise BadFile(f"claims {key_count} keys; at most {MAX_KEYS} are read.")
    return tensor_count, key_count


def _metadata(reader: HeaderReader, count: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    for number in range(count):
        with reader.inside(f"key {number}"):
            key = reader.name()
        with reader.inside(f"key {key!r}"):
            if key in metadata:
                raise BadFile("is there twice.")
            metadata[key] = reader.value(reader.uint32())
    if int(_integer(metadata, "split.count", 1)) > 1:
        raise UnsupportedFile(
            f"is one of {metadata['split.count']} parts of a model; join them with llama-gguf-split --merge first.",
            where="key 'split.count'",
        )
    return metadata


def _integer(metadata: dict[str, Any], key: str, default: int) -> int:
    value = metadata.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadFile("is not a whole number.", where=f"key {key!r}")
    return value


def _alignment(metadata: dict[str, Any]) -> int:
    alignment = _integer(metadata, "general.alignment", DEFAULT_ALIGNMENT)
    if not 8 <= alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise BadFile(
            f"is {alignment}, not a power of two between 8 and {MAX_ALIGNMENT}.", where="key 'general.alignment'"
        )
    return alignment


def _tensor_info(reader: HeaderReader) -> tuple[str, tuple[int, ...], Kind, int]:
    """Name, shape (row-major: GGUF's ne, reversed), type, offset in the data."""
    with reader.inside("a tensor's name"):
        name = reader.name()
    with reader.inside(f"tensor {name!r}"):
        dimensions = reader.uint32()
        if not 1 <= dimensions <= MAX_DIMENSIONS:
            raise BadFile(f"has {dimensions} dimensions; 1 to {MAX_DIMENSIONS} are possible.")
        shape = tuple(reader.uint64() for _ in range(dimensions))[::-1]
        number, offset = reader.uint32(), reader.uint64()
        if number in UNREADABLE:
            raise UnsupportedFile(f"is stored as {UNREADABLE[number]}, which cannot be turned into numbers.")
        if number not in BY_NUMBER:
            raise UnsupportedFile(f"is stored as type {number}, which is unknown.")
        kind = BY_NUMBER[number]
        if 0 in shape:
            raise BadFile(f"has the shape {list(shape)}: it is empty.")
        if shape[-1] % kind.elements:
            raise BadFile(f"has rows of {shape[-1]}, which is no multiple of {kind.name}'s blocks of {kind.elements}.")
    return name, shape, kind, offset


def _tensors(
    view: memoryview[int], header: int, alignment: int, infos: list[tuple[str, tuple[int, ...], Kind, int]]
) -> dict[str, Tensor]:
    base = -(-header // alignment) * alignment
    room = len(view) - base
    tensors: dict[str, Tensor] = {}
    spans: list[tuple[int, int, str]] = []
    for name, shape, kind, offset in infos:
        where = f"tensor {name!r}"
        size = kind.nbytes(prod(shape))
        if name in tensors:
            raise BadFile("is there twice.", where=where)
        if offset % alignment:
            raise BadFile(f"begins at {offset}, which is no multiple of the alignment {alignment}.", where=where)
        if offset + size > room:
            raise BadFile(
                f"needs the bytes {base + offset} to {base + offset + size}, but the file has {len(view)}: "
                "it is truncated or lying.",
                where=where,
            )
        spans.append((offset, offset + size, name))
        tensors[name] = Tensor(name, shape, kind.name, np.frombuffer(view, np.uint8, size, base + offset))
    for (_, end, first), (begin, _, second) in pairwise(sorted(spans)):
        if begin < end:
            raise BadFile(f"overlaps tensor {first!r}.", where=f"tensor {second!r}")
    return tensors
