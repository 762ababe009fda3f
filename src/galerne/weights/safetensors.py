"""Folders as Hugging Face publishes them: config.json beside one or several safetensors files.

A safetensors file (https://github.com/huggingface/safetensors#format) is

    length of the header, 8 bytes | header, JSON: name -> dtype, shape, data_offsets | tensor data, without holes

It is mapped, and its header is checked whole here, because the library of the format copies the tensors that it gives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from galerne.errors import BadFile, ModelNotFound, UnsupportedFile
from galerne.weights.checkpoint import Checkpoint
from galerne.weights.json_text import MAX_BYTES, parse_object, read_object
from galerne.weights.kinds import BY_NAME
from galerne.weights.mapped_file import map_file
from galerne.weights.tensor import Tensor

CONFIG = "config.json"
SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}\.safetensors")
TEXT_FILES = (  # what turns text into tokens and messages into a prompt
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tekken.json",
    "tokenizer.model*",
    "chat_template.*",
    "generation_config.json",
)
READABLE = ("F32", "F16", "BF16")
MAX_TENSORS = 1 << 16
MAX_SHARDS = 1 << 10
MAX_DIMENSIONS = 8


def open_folder(folder: Path) -> Checkpoint:
    """Map a folder's weights and check their headers. Raises `BadFile`, `UnsupportedFile`, `ModelNotFound`."""
    if not (folder / CONFIG).exists():
        raise ModelNotFound(f"the folder has no {CONFIG}.", where=str(folder))
    config = read_object(folder / CONFIG)
    index = folder / INDEX
    shards: Mapping[Path, set[str] | None] = _shards(index) if index.exists() else {folder / SINGLE: None}
    tensors: dict[str, Tensor] = {}
    maps: list[memoryview[int]] = []
    for shard, promised in shards.items():
        if not shard.exists():
            raise _missing(folder, shard)
        maps.append(map_file(shard))
        found = _read(shard, maps[-1])
        if promised is not None and found.keys() != promised:
            name = min(found.keys() ^ promised)
            raise BadFile(f"does not agree with {shard.name}.", where=f"{index}: tensor {name!r}")
        tensors |= found
    texts = {file for pattern in (CONFIG, INDEX, *TEXT_FILES) for file in folder.glob(pattern) if file.is_file()}
    return Checkpoint(
        path=folder,
        format="safetensors",
        metadata=config,
        tensors=tensors,
        files=tuple(sorted(texts | shards.keys())),
        maps=tuple(maps),
    )


def _missing(folder: Path, shard: Path) -> BadFile:
    if list(folder.glob("consolidated*.safetensors")):
        return UnsupportedFile(
            f"has Mistral's consolidated weights only; {SINGLE} (or its index) in Hugging Face's form is needed.",
            where=str(folder),
        )
    return BadFile("is missing.", where=str(shard))


def _shards(index: Path) -> dict[Path, set[str]]:
    """File -> names of the tensors that the index says are in it."""
    places = read_object(index).get("weight_map")
    if not isinstance(places, Mapping) or not places:
        raise BadFile("names no tensors.", where=f"{index}: weight_map")
    if len(places) > MAX_TENSORS:
        raise BadFile(f"names {len(places)} tensors; at most {MAX_TENSORS} are read.", where=f"{index}: weight_map")
    shards: dict[Path, set[str]] = {}
    for name, file in places.items():
        where = f"{index}: tensor {name!r}"
        if not isinstance(file, str) or not SHARD_NAME.fullmatch(file):
            raise BadFile(f"is in {file!r:.100}, which is no safetensors file of this folder.", where=where)
        shards.setdefault(index.parent / file, set()).add(name)
    if len(shards) > MAX_SHARDS:
        raise BadFile(f"names {len(shards)} files; at most {MAX_SHARDS} are read.", where=f"{index}: weight_map")
    return shards


def _read(path: Path, view: memoryview[int]) -> dict[str, Tensor]:
    if len(view) < 8:
        raise BadFile("is too short for a safetensors file.", where=str(path))
    length = int.from_bytes(view[:8], "little")
    if length > len(view) - 8:
        raise BadFile(f"claims a header of {length} bytes, but has {len(view)} in all.", where=str(path))
    if length > MAX_BYTES:
        raise BadFile(f"has a header of {length} bytes; at most {MAX_BYTES} are read.", where=str(path))
    header = parse_object(view[8 : 8 + length].tobytes(), f"{path}: header")
    header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise BadFile(f"has {len(header)} tensors; at most {MAX_TENSORS} are read.", where=str(path))
    tensors: dict[str, Tensor] = {}
    spans: list[tuple[int, int, str]] = []
    for name, info in header.items():
        where = f"{path}: tensor {name!r}"
        kind, shape, begin, end = _info(info, where)
        if end > len(view) - 8 - length:
            raise BadFile(f"ends at byte {end} of the data, which has {len(view) - 8 - length}.", where=where)
        spans.append((begin, end, name))
        tensors[name] = Tensor(name, shape, kind, np.frombuffer(view, np.uint8, end - begin, 8 + length + begin))
    _no_holes(spans, len(view) - 8 - length, path)
    return tensors


def _info(info: Any, where: str) -> tuple[str, tuple[int, ...], int, int]:
    """Type, shape, first byte, byte after the last, of one tensor."""
    if not isinstance(info, Mapping) or info.keys() != {"dtype", "shape", "data_offsets"}:
        raise BadFile("is not described by a dtype, a shape and data_offsets.", where=where)
    kind, shape, offsets = info["dtype"], info["shape"], info["data_offsets"]
    if not isinstance(kind, str):
        raise BadFile("has no dtype.", where=where)
    if kind not in READABLE:
        raise UnsupportedFile(f"is stored as {kind}; {', '.join(READABLE)} can be read.", where=where)
    if not _naturals(shape) or len(shape) > MAX_DIMENSIONS or 0 in shape:
        raise BadFile("has no possible shape.", where=where)
    if not _naturals(offsets) or len(offsets) != 2:
        raise BadFile("has no possible data_offsets.", where=where)
    begin, end = offsets
    if end - begin != BY_NAME[kind].nbytes(prod(shape)):
        raise BadFile(f"has {end - begin} bytes, which is not what {kind} {shape} needs.", where=where)
    return kind, tuple(shape), begin, end


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(number) is int and 0 <= number < 1 << 63 for number in value)


def _no_holes(spans: list[tuple[int, int, str]], size: int, path: Path) -> None:
    """The format asks that tensors lie side by side and fill the file: nothing overlaps, nothing is hidden."""
    position = 0
    for begin, end, name in sorted(spans):
        if begin != position:
            raise BadFile("overlaps another or leaves a hole before it.", where=f"{path}: tensor {name!r}")
        position = end
    if position != size:
        raise BadFile(f"has {size - position} bytes after its last tensor.", where=str(path))
