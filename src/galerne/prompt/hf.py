"""Hugging Face folders: tokenizer.json, run by the `tokenizers` library that wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from galerne.errors import BadFile, UnsupportedFile
from galerne.prompt.bpe import content_of, cutter
from galerne.prompt.sentencepiece_ import piece_content
from galerne.prompt.tokenizer_json import is_control, open_library, parts, read_tokenizer_json
from galerne.prompt.vocabulary import END_SPELLINGS, MAX_TOKENS, Vocabulary, VocabularyTokenizer
from galerne.weights.json_text import read_object


def open_hf(folder: Path, config: Mapping[str, Any]) -> VocabularyTokenizer:
    """The tokenizer of a folder; `config` is its config.json. Raises `BadFile`, `UnsupportedFile`."""
    file = folder / "tokenizer.json"
    data = read_tokenizer_json(file)
    library = open_library(data, file)
    spoken = read_optional(folder / "tokenizer_config.json")
    bos, eos = (_named(library, spoken, config, name) for name in ("bos_token", "eos_token"))
    tokens = library.get_vocab(with_added_tokens=True)
    control = {added["content"]: tokens[added["content"]] for added in data["added_tokens"] if is_control(added)}
    vocabulary = Vocabulary(
        spellings=_spellings(tokens, file),
        contents=_contents(tokens, data, file),
        control=control,
        bos=bos,
        eos=eos,
        add_bos=bos is not None and library.encode("").ids[:1] == [bos],
        stop_tokens=_stop_tokens(eos, control, config, read_optional(folder / "generation_config.json")),
        strips_space=any(_strips(part) for part in parts(data.get("decoder"))),
    )
    vocabulary.check(str(file))
    return VocabularyTokenizer(vocabulary, cutter(library))


def read_optional(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is no file. Raises `BadFile`."""
    return read_object(path) if path.exists() else {}


def _named(library: Tokenizer, spoken: Mapping[str, Any], config: Mapping[str, Any], name: str) -> int | None:
    """The token that tokenizer_config.json names, as a string or an object; else the id in config.json."""
    if name in spoken:
        named = spoken[name]
        spelling = named.get("content") if isinstance(named, dict) else named
        return library.token_to_id(spelling) if isinstance(spelling, str) else None
    token = config.get(f"{name}_id")
    return token if isinstance(token, int) else None


def _stop_tokens(eos: int | None, control: Mapping[str, int], *configs: Mapping[str, Any]) -> frozenset[int]:
    ends = [eos, *(control.get(text) for text in END_SPELLINGS)]
    for named in (config.get("eos_token_id") for config in configs):
        ends += named if isinstance(named, list) else [named]
    return frozenset(end for end in ends if isinstance(end, int))


def _spellings(tokens: Mapping[str, int], file: Path) -> list[str]:
    size = max(tokens.values(), default=-1) + 1
    if size > MAX_TOKENS:
        raise BadFile(f"the vocabulary has {size} tokens; {MAX_TOKENS} can be right.", where=str(file))
    spellings = [f"[{token}]" for token in range(size)]  # a vocabulary may have holes
    for spelling, token in tokens.items():
        spellings[token] = spelling
    return spellings


def _contents(tokens: Mapping[str, int], data: Mapping[str, Any], file: Path) -> list[bytes]:
    """What tokens add to a text, as the file's decoder has it: in the byte alphabet, or as SentencePiece spells."""
    kinds = {str(part.get("type")) for part in parts(data.get("decoder"))}
    if not kinds & {"ByteLevel", "ByteFallback", "Metaspace"}:
        raise UnsupportedFile(f"a decoder of the kinds {sorted(kinds)!r:.200} is not known.", where=str(file))
    content = content_of if "ByteLevel" in kinds else piece_content
    contents = [b""] * (max(tokens.values(), default=-1) + 1)
    for spelling, token in tokens.items():
        contents[token] = content(spelling)
    for added in data["added_tokens"]:
        contents[tokens[added["content"]]] = b"" if is_control(added) else added["content"].encode()
    return contents


def _strips(decoder: Mapping[str, Any]) -> bool:
    """Whether this part of a decoder leaves out a text's first space."""
    if decoder.get("type") == "Metaspace":
        return decoder.get("prepend_scheme", "always") != "never" and decoder.get("add_prefix_space", True) is True
    return decoder.get("type") == "Strip" and decoder.get("content") == " " and decoder.get("start") == 1
