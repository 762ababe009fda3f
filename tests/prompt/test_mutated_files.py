"""Tokenizer files with a few bytes or values changed: refused with a clear error, or used; never anything else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceTrainer
from tests.prompt.strings import LANGUAGES
from tests.prompt.vocabularies import CONTROL, bpe_metadata, sentencepiece_metadata, tekken
from tests.weights.gguf_bytes import gguf_of
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as Library

from galerne.errors import BadFile, InvalidRequest
from galerne.prompt import open_tokenizer
from galerne.prompt.hf import open_hf
from galerne.prompt.mistral import MistralTemplate, MistralTokens
from galerne.prompt.tokenizer import Tokenizer
from galerne.protocol.messages import UserMessage
from galerne.weights import open_checkpoint

TEXT = "Être ou ne pas être ? 1234 <|im_end|></s>[INST] \x00\n  🎉 " + "ab" * 200 + " " * 200
BYTES = st.tuples(
    st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), max_size=6),
    st.none() | st.integers(0, 2**20),
)
"""Places that get another value, and perhaps where the file is cut."""
VALUES = st.sampled_from(
    [None, True, -1, 0, 1, 2**31, 2**63, 1e300, "", "a", "\ufffe", "x" * 5000, [], {}, [1], {"a": 1}]
)
CHANGES = st.lists(st.tuples(st.lists(st.integers(0, 2**16), max_size=6), VALUES), min_size=1, max_size=3)
"""Ways down into a JSON value, and what is put there."""


def mutated(content: bytes, mutation: tuple[list[tuple[int, int]], int | None]) -> bytes:
    changes, end = mutation
    changed = bytearray(content)
    for place, value in changes:
        changed[place % len(changed)] = value
    return bytes(changed if end is None else changed[: end % len(changed)])


def with_values(value: Any, changes: list[tuple[list[int], Any]]) -> Any:
    """A copy, with other values at some places."""
    copy = {"": json.loads(json.dumps(value))}
    for way, new in changes:
        parent: Any = copy
        key: Any = ""
        for step in way:
            inner = parent[key]
            if not isinstance(inner, dict | list) or not inner:
                break
            parent, key = inner, (list(inner) if isinstance(inner, dict) else range(len(inner)))[step % len(inner)]
        parent[key] = json.loads(json.dumps(new))
    return copy[""]


def refused_or_used(path: Path, open_: Callable[[Path], Tokenizer]) -> None:
    try:
        tokenizer = open_(path)
    except BadFile as error:
        refusal = str(error)
    else:
        used(tokenizer)
        return
    assert path.name in refusal


def used(tokenizer: Tokenizer) -> None:
    for control in (False, True):
        tokens = tokenizer.encode(TEXT, control=control)
        assert all(0 <= token < tokenizer.vocabulary_size for token in tokens)
        tokenizer.decode(tokens)
    for token in range(tokenizer.vocabulary_size):
        assert isinstance(tokenizer.token_text(token), str)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated")


@pytest.fixture(scope="module")
def model() -> bytes:
    """A small model of SentencePiece."""
    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(list(LANGUAGES.values())[:3]),
        model_writer=written,
        vocab_size=330,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        control_symbols=["[INST]", "[/INST]"],
        minloglevel=2,
    )
    return written.getvalue()


def tokenizer_json() -> dict[str, Any]:
    words = [*CONTROL, *sorted(pre_tokenizers.ByteLevel.alphabet()), "ab", "abab"]
    library = Library(models.BPE({word: token for token, word in enumerate(words)}, [("a", "b"), ("ab", "ab")]))
    library.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace("x", "y")])
    library.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(False)])
    library.decoder = decoders.ByteLevel()
    library.add_special_tokens([AddedToken(text, normalized=False) for text in CONTROL])
    library.post_processor = processors.TemplateProcessing("<|im_start|> $A", None, [("<|im_start|>", 1)])
    value: dict[str, Any] = json.loads(library.to_str())
    return value


BPE = gguf_of(bpe_metadata([*CONTROL, *sorted(pre_tokenizers.ByteLevel.alphabet()), "ab", "abab"], ["a b", "ab ab"]))
HF = tokenizer_json()
TEKKEN = tekken("v7")


@given(mutation=BYTES)
def test_gguf_byte_pairs(mutation: Any, folder: Path) -> None:
    path = folder / "bytes.gguf"
    path.write_bytes(mutated(BPE, mutation))
    refused_or_used(path, lambda path: open_tokenizer(open_checkpoint(path)))


@given(mutation=BYTES)
def test_gguf_pieces(mutation: Any, folder: Path, model: bytes) -> None:
    (folder / "whole.model").write_bytes(model)
    path = folder / "pieces.gguf"
    path.write_bytes(mutated(gguf_of(sentencepiece_metadata(folder / "whole.model")), mutation))
    refused_or_used(path, lambda path: open_tokenizer(open_checkpoint(path)))


@given(mutation=BYTES)
def test_tokenizer_json_bytes(mutation: Any, folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_bytes(mutated(json.dumps(HF).encode(), mutation))
    refused_or_used(path, lambda path: open_hf(path.parent, {}))


@given(changes=CHANGES)
def test_tokenizer_json_values(changes: Any, folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(with_values(HF, changes)))
    refused_or_used(path, lambda path: open_hf(path.parent, {"eos_token_id": 2}))


@given(mutation=BYTES)
def test_tekken_json_bytes(mutation: Any, folder: Path) -> None:
    path = folder / "tekken.json"
    path.write_bytes(mutated(json.dumps(TEKKEN).encode(), mutation))
    refused_or_used(path, MistralTokens)


@given(changes=CHANGES)
def test_tekken_json_values(changes: Any, folder: Path) -> None:
    path = folder / "tekken.json"
    path.write_text(json.dumps(with_values(TEKKEN, changes)))
    refused_or_used(path, converses)


@given(mutation=BYTES)
def test_tokenizer_model(mutation: Any, folder: Path, model: bytes) -> None:
    path = folder / "tokenizer.model.v3"
    path.write_bytes(mutated(model, mutation))
    refused_or_used(path, converses)


def converses(path: Path) -> MistralTokens:
    """The tokenizer, once a conversation was told with it, or refused."""
    tokenizer = MistralTokens(path)
    with suppress(InvalidRequest):
        MistralTemplate(tokenizer).render([UserMessage(content=TEXT)])
    return tokenizer
