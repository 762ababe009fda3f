"""What of a tokenizer.json is run: only parts that are known to end, and that do not make a text grow.

Source: https://huggingface.co/docs/tokenizers/api/tokenizer
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from galerne.errors import BadFile, UnsupportedFile
from galerne.prompt.pretokenizers import PATTERNS
from galerne.prompt.vocabulary import MARK, can_be_spelled, looks_like_control
from galerne.weights.json_text import parse_object
from galerne.weights.mapped_file import map_file

MAX_BYTES = 1 << 26
MAX_PARTS = 16  # of what a text goes through; real ones have two or three
NORMALIZERS = frozenset({"Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip", "Prepend", "Replace"})


def read_tokenizer_json(file: Path) -> dict[str, Any]:
    """The file's object, when all of it is known; `added_tokens` is a list of tokens. Raises `BadFile`,
    `UnsupportedFile`."""
    view = map_file(file)
    if len(view) > MAX_BYTES:
        raise BadFile(f"has {len(view)} bytes; at most {MAX_BYTES} are read.", where=str(file))
    data = parse_object(view.tobytes(), str(file))
    data["added_tokens"] = data.get("added_tokens") or []
    _check_model(data.get("model"), str(file))
    _check_added(data["added_tokens"], str(file))
    for name in ("normalizer", "pre_tokenizer"):
        _check_parts(list(parts(data.get(name))), f"{file}: {name}")
    for part in parts(data.get("normalizer")):
        _check_normalizer(part, f"{file}: normalizer")
    return data


def open_library(data: Mapping[str, Any], file: Path) -> Tokenizer:
    """The library's tokenizer: the file's, but nothing is truncated, padded or left to chance, and marks vanish."""
    drop_marks = {"type": "Replace", "pattern": {"String": MARK}, "content": ""}
    prepared = {
        **data,
        "truncation": None,
        "padding": None,
        "decoder": None,
        "normalizer": {"type": "Sequence", "normalizers": [drop_marks, *filter(None, [data.get("normalizer")])]},
        # In normalised text the marks are gone that keep a person's text from spelling these.
        "added_tokens": [
            {**token, "normalized": False} if is_control(token) else token for token in data["added_tokens"]
        ],
        "model": {**data["model"], "dropout": None},
    }
    try:
        return Tokenizer.from_str(json.dumps(prepared))
    except Exception as error:  # the library has no class of its own
        raise BadFile(f"the tokenizer does not hold together: {error!s:.500}", where=str(file)) from None


def is_control(added: Mapping[str, Any]) -> bool:
    return bool(added.get("special")) or looks_like_control(added["content"])


def parts(component: Any) -> Iterator[dict[str, Any]]:
    """A component, and those in its sequence."""
    waiting = [component]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            for name in ("normalizers", "pretokenizers", "decoders"):
                waiting += part[name] if isinstance(part.get(name), list) else ()


def _check_model(model: Any, where: str) -> None:
    kind = model.get("type") if isinstance(model, dict) else model
    if not isinstance(model, dict) or kind != "BPE":
        raise UnsupportedFile(f"a tokenizer of the kind {kind!r:.200} is not known, only 'BPE'.", where=where)
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise UnsupportedFile("tokens that spell the beginning or end of a word are not known.", where=where)
    unknown, vocabulary = model.get("unk_token"), model.get("vocab")
    if unknown is not None and not (
        isinstance(unknown, str) and isinstance(vocabulary, dict) and unknown in vocabulary
    ):
        raise BadFile(f"the unknown token {unknown!r:.200} is not in the vocabulary.", where=where)


def _check_added(added: Any, where: str) -> None:
    if not isinstance(added, list) or not all(
        isinstance(token, dict) and isinstance(token.get("content"), str) and token["content"] for token in added
    ):
        raise BadFile("the added tokens are not a list of tokens.", where=where)
    for token in added:
        if is_control(token) and not can_be_spelled(token["content"]):
            raise UnsupportedFile(
                f"{token['content']!r:.200} is a control token, but could be any text's character.", where=where
            )


def _check_parts(found: list[dict[str, Any]], where: str) -> None:
    """A pattern is a program: a hostile one takes forever on an innocent text."""
    if len(found) > MAX_PARTS:
        raise UnsupportedFile(f"has {len(found)} parts; at most {MAX_PARTS} are run.", where=where)
    for part in found:
        pattern = part.get("pattern")
        if isinstance(pattern, dict) and "Regex" in pattern:
            regex = pattern["Regex"]
            if not isinstance(regex, str) or regex not in PATTERNS:
                raise UnsupportedFile(f"the pattern {regex!r:.200} is not known.", where=where)
            pattern["Regex"] = PATTERNS[regex]


def _check_normalizer(part: Mapping[str, Any], where: str) -> None:
    kind, pattern = part.get("type"), part.get("pattern")
    if not isinstance(kind, str) or kind not in NORMALIZERS:
        raise UnsupportedFile(f"the kind {kind!r:.200} is not known.", where=where)
    shortest = pattern.get("String", "x") if isinstance(pattern, dict) else "x"
    put = part.get({"Prepend": "prepend", "Replace": "content"}.get(kind, ""), "")
    if not isinstance(put, str) or not isinstance(shortest, str) or len(put) > len(shortest) or not shortest:
        raise UnsupportedFile("a part that makes a text longer is not known.", where=where)
