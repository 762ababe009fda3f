"""Hugging Face folders: tokenizer.json, run by the `tokenizers` library that wrote it.

Source: https://huggingface.co/docs/tokenizers/api/tokenizer
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from galerne.errors import BadFile, UnsupportedFile
from galerne.prompt.bpe import content_of, cutter
from galerne.prompt.pretokenizers import PATTERNS
from galerne.prompt.sentencepiece_ import piece_content
from galerne.prompt.vocabulary import (
    END_SPELLINGS,
    MARK,
    MAX_TOKENS,
    Vocabulary,
    VocabularyTokenizer,
    looks_like_control,
)
from galerne.weights.json_text import parse_object, read_object
from galerne.weights.mapped_file import map_file

MAX_BYTES = 1 << 26


def open_hf(folder: Path, config: Mapping[str, Any]) -> VocabularyTokenizer:
    """The tokenizer of a folder; `config` is its config.json. Raises `BadFile`, `UnsupportedFile`."""
    file = folder / "tokenizer.json"
    data = _read(file)
    library = _library(data, file)
    spoken = read_optional(folder / "tokenizer_config.json")
    bos = _named(library, spoken.get("bos_token"), config.get("bos_token_id"))
    eos = _named(library, spoken.get("eos_token"), config.get("eos_token_id"))
    spellings = _spellings(library, file)
    contents = _contents(spellings, data, file)
    control: dict[str, int] = {}
    for added in data["added_tokens"]:
        text = added["content"]
        token = library.token_to_id(text)
        assert token is not None  # the library has just added it
        contents[token] = b"" if _is_control(added) else text.encode()
        if _is_control(added):
            control[text] = token
    stops = {eos, *(control.get(text) for text in END_SPELLINGS)}
    for names in (config, read_optional(folder / "generation_config.json")):
        ends = names.get("eos_token_id")
        stops |= {end for end in (ends if isinstance(ends, list) else [ends]) if isinstance(end, int)}
    vocabulary = Vocabulary(
        spellings=spellings,
        contents=contents,
        control=control,
        bos=bos,
        eos=eos,
        add_bos=bos is not None and library.encode("").ids[:1] == [bos],
        stop_tokens=frozenset(token for token in stops if token is not None),
        strips_space=any(_strips(part) for part in _parts(data.get("decoder"))),
    )
    vocabulary.check(str(file))
    return VocabularyTokenizer(vocabulary, cutter(library))


def read_optional(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is no file. Raises `BadFile`."""
    return read_object(path) if path.exists() else {}


def _read(file: Path) -> dict[str, Any]:
    """The file's object, when it holds a kind of tokenizer that is known, and no pattern that is not."""
    view = map_file(file)
    if len(view) > MAX_BYTES:
        raise BadFile(f"has {len(view)} bytes; at most {MAX_BYTES} are read.", where=str(file))
    data = parse_object(view.tobytes(), str(file))
    model = data.get("model")
    if not isinstance(model, dict) or model.get("type") != "BPE":
        kind = model.get("type") if isinstance(model, dict) else model
        raise UnsupportedFile(f"a tokenizer of the kind {kind!r} is not known, only 'BPE'.", where=str(file))
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise UnsupportedFile("tokens that spell the beginning or end of a word are not known.", where=str(file))
    added = data.setdefault("added_tokens", [])
    if not isinstance(added, list) or not all(
        isinstance(token, dict) and isinstance(token.get("content"), str) for token in added
    ):
        raise BadFile("the added tokens are not a list of tokens.", where=str(file))
    # A pattern is a program: a hostile one takes forever on an innocent text.
    for part in (*_parts(data.get("normalizer")), *_parts(data.get("pre_tokenizer")), *_parts(data.get("decoder"))):
        pattern = part.get("pattern")
        if isinstance(pattern, dict) and "Regex" in pattern and pattern["Regex"] not in PATTERNS:
            raise UnsupportedFile(f"the pattern {str(pattern['Regex'])[:200]!r} is not known.", where=str(file))
    return data


def _is_control(added: Mapping[str, Any]) -> bool:
    return bool(added.get("special")) or looks_like_control(added["content"])


def _parts(component: Any) -> Iterator[dict[str, Any]]:
    """A component, and those in its sequence."""
    waiting = [component]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            for name in ("normalizers", "pretokenizers", "decoders"):
                waiting += part.get(name) or []


def _library(data: Mapping[str, Any], file: Path) -> Tokenizer:
    """The library's tokenizer: the file's, but nothing is truncated, padded or left to chance, and marks vanish."""
    drop_marks = {"type": "Replace", "pattern": {"String": MARK}, "content": ""}
    prepared = {
        **data,
        "truncation": None,
        "padding": None,
        "normalizer": {"type": "Sequence", "normalizers": [drop_marks, *filter(None, [data.get("normalizer")])]},
        # In normalised text the marks are gone that keep a person's text from spelling these.
        "added_tokens": [
            {**token, "normalized": False} if _is_control(token) else token for token in data["added_tokens"]
        ],
        "model": {**data["model"], "dropout": None},
    }
    try:
        return Tokenizer.from_str(json.dumps(prepared))
    except Exception as error:  # the library has no class of its own
        raise BadFile(f"the tokenizer does not hold together: {error}", where=str(file)) from None


def _named(library: Tokenizer, named: Any, fallback: Any) -> int | None:
    """The token that tokenizer_config.json names, as a string or an object; else the id in config.json."""
    spelling = named.get("content") if isinstance(named, dict) else named
    if isinstance(spelling, str):
        return library.token_to_id(spelling)
    return fallback if isinstance(fallback, int) else None


def _spellings(library: Tokenizer, file: Path) -> list[str]:
    ids = library.get_vocab(with_added_tokens=True)
    size = max(ids.values(), default=-1) + 1
    if size > MAX_TOKENS:
        raise BadFile(f"the vocabulary has {size} tokens; {MAX_TOKENS} can be right.", where=str(file))
    spellings = [f"[{token}]" for token in range(size)]  # a vocabulary may have holes
    for spelling, token in ids.items():
        spellings[token] = spelling
    return spellings


def _contents(spellings: Sequence[str], data: Mapping[str, Any], file: Path) -> list[bytes]:
    """What tokens add to a text, as the file's decoder has it: in the byte alphabet, or as SentencePiece spells."""
    kinds = {part.get("type") for part in _parts(data.get("decoder"))}
    if "ByteLevel" in kinds:
        return [content_of(spelling) for spelling in spellings]
    if not kinds & {"ByteFallback", "Metaspace"}:
        raise UnsupportedFile(f"a decoder of the kinds {sorted(map(str, kinds))} is not known.", where=str(file))
    return [piece_content(spelling) for spelling in spellings]


def _strips(decoder: Mapping[str, Any]) -> bool:
    """Whether this part of a decoder leaves out a text's first space."""
    if decoder.get("type") == "Metaspace":
        return decoder.get("prepend_scheme", "always") != "never" and decoder.get("add_prefix_space", True) is True
    return decoder.get("type") == "Strip" and decoder.get("content") == " " and decoder.get("start") == 1
