"""GGUF's 'llama' vocabularies: SentencePiece BPE with scores, run by the `sentencepiece` library.

The library reads its own model format, a protocol buffer; the one built here has just what a GGUF file knows.

Source: https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sentencepiece import SentencePieceProcessor

from galerne.errors import BadFile
from galerne.prompt.gguf_vocabulary import GgufVocabulary, TokenType, read_vocabulary
from galerne.prompt.protobuf import bytes_field, contents, float_field, number_field
from galerne.prompt.vocabulary import MAX_TOKENS, Spellings, Vocabulary, VocabularyTokenizer

_SPACE = "▁"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_BPE = 2


def open_sentencepiece(metadata: Mapping[str, Any], path: Path) -> VocabularyTokenizer:
    """The tokenizer of a GGUF file whose `tokenizer.ggml.model` is 'llama'. Raises `BadFile`."""
    read = read_vocabulary(metadata, str(path))
    vocabulary = Vocabulary(
        spellings=read.spellings,
        contents=_contents(read),
        control=read.control,
        bos=read.bos,
        eos=read.eos,
        add_bos=read.flag("add_bos_token", True) and read.bos is not None,
        stop_tokens=read.stop_tokens,
        strips_space=read.flag("add_space_prefix", True),
    )
    vocabulary.check(str(path))
    return VocabularyTokenizer(vocabulary, _encoder(read, _library(read), prefix=vocabulary.strips_space))


def _encoder(read: GgufVocabulary, library: SentencePieceProcessor, *, prefix: bool) -> Callable[[str], list[int]]:
    def cut(text: str) -> list[int]:
        tokens: list[int] = library.encode(text)
        return tokens

    def cut_with_space(text: str) -> list[int]:
        return cut(f" {text}") if text else []

    spellings = Spellings(read.control)
    if not prefix:
        return spellings.splitting(cut)
    if "[INST]" not in read.control:
        return spellings.splitting(cut_with_space)
    # Mistral's vocabularies from v2 on: their templates write the space after [INST] themselves.
    after_control = spellings.splitting(cut)

    def encode(text: str) -> list[int]:
        first = next(spellings.find(text), (len(text), 0, 0))[0]
        return [*spellings.splitting(cut_with_space)(text[:first]), *after_control(text[first:])]

    return encode


def piece_content(piece: str) -> bytes:
    """What a piece adds to a text."""
    return bytes.fromhex(byte[1]) if (byte := _BYTE.fullmatch(piece)) else piece.replace(_SPACE, " ").encode()


def _contents(read: GgufVocabulary) -> list[bytes]:
    contents = [
        piece_content(piece) if kind == TokenType.BYTE else piece.replace(_SPACE, " ").encode()
        for piece, kind in zip(read.spellings, read.types, strict=True)
    ]
    for token in read.control.values():
        contents[token] = b""
    return contents


def _library(read: GgufVocabulary) -> SentencePieceProcessor:
    try:
        return SentencePieceProcessor(model_proto=_model(read))
    except (RuntimeError, OverflowError) as error:  # a score that is no 32-bit float overflows
        raise BadFile(f"the vocabulary does not hold together: {error!s:.500}", where=read.where) from None


def _model(read: GgufVocabulary) -> bytes:
    """A ModelProto. This module puts the space before a text itself, and nothing else about a text is changed."""
    scores = read.numbers("scores", MAX_TOKENS)
    if len(scores) != len(read.spellings):
        where = f"{read.where}: tokenizer.ggml.scores"
        raise BadFile(f"there are {len(scores)} for {len(read.spellings)} tokens.", where=where)
    if not all(map(math.isfinite, scores)):
        raise BadFile("not all scores are numbers.", where=f"{read.where}: tokenizer.ggml.scores")
    kinds = _kinds(read)
    pieces = (
        bytes_field(1, bytes_field(1, spelling.encode()) + float_field(2, score) + number_field(3, kind))
        for spelling, score, kind in zip(read.spellings, scores, kinds, strict=True)
    )
    trainer = number_field(3, _BPE) + number_field(35, TokenType.BYTE in kinds)  # model_type, byte_fallback
    normalizer = number_field(3, False) + number_field(4, read.flag("remove_extra_whitespaces", False))
    return b"".join(pieces) + bytes_field(2, trainer) + bytes_field(3, normalizer)


def _kinds(read: GgufVocabulary) -> list[int]:
    """The library wants just one unknown token; whatever else is in `control` must not come out of a text."""
    kinds = list(read.types)
    unknown = read.metadata.get("tokenizer.ggml.unknown_token_id", 0)
    if TokenType.UNKNOWN in kinds:
        unknown = kinds.index(TokenType.UNKNOWN)
    for token in read.control.values():
        kinds[token] = TokenType.CONTROL
    if not isinstance(unknown, int) or not 0 <= unknown < len(kinds):
        raise BadFile(f"the unknown token is {unknown!r:.200}, which is none.", where=read.where)
    kinds[unknown] = TokenType.UNKNOWN
    return kinds


def maps_characters(model: bytes) -> bool:
    """Whether the library's own file brings a table that turns characters into others: into any number of them.

    Raises `ValueError` for what is no such file.
    """
    normalizers = (content for field, content in contents(memoryview(model)) if field == 3)
    return any(field == 2 and table for normalizer in normalizers for field, table in contents(normalizer))
