"""GGUF's 'gpt2' vocabularies: byte-level BPE, run by the `tokenizers` library.

Source: Sennrich et al. 2016, https://arxiv.org/abs/1508.07909; the byte alphabet is GPT-2's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from galerne.errors import BadFile, UnsupportedFile
from galerne.prompt.gguf_vocabulary import GgufVocabulary, read_vocabulary
from galerne.prompt.pretokenizers import PRETOKENIZERS, PreTokenizer
from galerne.prompt.vocabulary import Spellings, Vocabulary, VocabularyTokenizer

MAX_MERGES = 1 << 21


def byte_alphabet() -> dict[str, int]:
    """GPT-2's character for each byte: itself where it prints, else the next one from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


_ALPHABET = byte_alphabet()


def content_of(spelling: str) -> bytes:
    """The bytes of a token as byte-level vocabularies spell it. What is not in the alphabet stands for itself."""
    try:
        return bytes(_ALPHABET[character] for character in spelling)
    except KeyError:
        return spelling.encode()


def open_bpe(metadata: Mapping[str, Any], path: Path) -> VocabularyTokenizer:
    """The tokenizer of a GGUF file whose `tokenizer.ggml.model` is 'gpt2'. Raises `BadFile`, `UnsupportedFile`."""
    read = read_vocabulary(metadata, str(path))
    name = metadata.get("tokenizer.ggml.pre", "default")
    kind = PRETOKENIZERS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise UnsupportedFile(f"the pre-tokenizer {name!r:.200} is not known.", where=f"{path}: tokenizer.ggml.pre")
    whole = {**read.control, **read.whole}
    vocabulary = Vocabulary(
        spellings=read.spellings,
        contents=_contents(read),
        control=read.control,
        bos=read.bos,
        eos=read.eos,
        add_bos=read.flag("add_bos_token", kind.add_bos) and read.bos is not None,
        stop_tokens=read.stop_tokens,
    )
    vocabulary.check(str(path))
    return VocabularyTokenizer(vocabulary, Spellings(whole).splitting(cutter(_library(read, kind))))


def cutter(library: Tokenizer) -> Callable[[str], list[int]]:
    """The library's own cutting, none added. Of its functions only those for batches let other threads run meanwhile,
    and the fast one takes half the time: it notes no offsets."""
    return lambda text: library.encode_batch_fast([text], add_special_tokens=False)[0].ids


def _contents(read: GgufVocabulary) -> list[bytes]:
    contents = [content_of(spelling) for spelling in read.spellings]
    for spelling, token in read.whole.items():
        contents[token] = spelling.encode()
    for token in read.control.values():
        contents[token] = b""
    return contents


def _library(read: GgufVocabulary, kind: PreTokenizer) -> Tokenizer:
    merges = [_pair(merge, read.where) for merge in read.strings("merges", MAX_MERGES)]
    ids = {spelling: token for token, spelling in enumerate(read.spellings)}
    try:
        library = Tokenizer(models.BPE(ids, merges, ignore_merges=kind.ignore_merges))
    except Exception as error:  # the library has no class of its own for a merge whose parts are no tokens
        raise BadFile(f"{error!s:.500}.", where=f"{read.where}: tokenizer.ggml.merges") from None
    splits = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in kind.patterns]
    library.pre_tokenizer = pre_tokenizers.Sequence(
        [*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    return library


def _pair(merge: str, where: str) -> tuple[str, str]:
    left, _, right = merge[1:].partition(" ")  # the first character may be a space itself
    if not merge or not right:
        raise BadFile(f"{merge!r:.200} is not two tokens.", where=f"{where}: tokenizer.ggml.merges")
    return merge[0] + left, right
