"""JSON from strangers' files: bounded before it is parsed, and whatever is wrong with it ends in `BadFile`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from galerne.errors import BadFile
from galerne.weights.mapped_file import map_file

MAX_BYTES = 1 << 24
MAX_PARTS = 1 << 20
"""Lists, objects and keys in one text: in memory, each takes a hundred times the bytes that spell it."""


def read_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds."""
    view = map_file(path)
    if len(view) > MAX_BYTES:
        raise BadFile(f"has {len(view)} bytes; at most {MAX_BYTES} are read.", where=str(path))
    return parse_object(view.tobytes(), str(path))


def parse_object(text: bytes, where: str) -> dict[str, Any]:
    """The object that a text spells. Raises `BadFile`: not UTF-8, not JSON, too deep, a key twice, not an object."""
    if sum(text.count(mark) for mark in (b"[", b"{", b":")) > MAX_PARTS:
        raise BadFile(f"has more than {MAX_PARTS} lists, objects and keys.", where=where)
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except RecursionError:
        raise BadFile("is nested too deep.", where=where) from None
    except ValueError as error:  # no JSON, no UTF-8, a number of thousands of digits, a key twice
        raise BadFile(f"is not JSON: {error}.", where=where) from None
    if not isinstance(value, dict):
        raise BadFile("is not a JSON object.", where=where)
    return value


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice[:100]!r} is there twice")
    return value
