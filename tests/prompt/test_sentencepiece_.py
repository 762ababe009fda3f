"""GGUF's 'llama' vocabularies."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tests.prompt.strings import varied_strings
from tests.prompt.vocabularies import BYTE, CONTROL_TYPE, DATA, NORMAL, UNKNOWN, USER_DEFINED, sentencepiece_metadata

from galerne.errors import BadFile
from galerne.prompt.sentencepiece_ import open_sentencepiece
from galerne.prompt.tokenizer import Tokenizer as Port

STRINGS = varied_strings()
FIRST = DATA / "tokenizer.model.v1"
THIRD = DATA / "mistral_instruct_tokenizer_240323.model.v3"
TINY = {
    "tokens": ["<unk>", "<s>", "</s>", "b", "▁", "a", "▁a"],
    "scores": [0.0, 0.0, 0.0, 0.0, -3.0, -2.0, -1.0],
    "token_type": [UNKNOWN, CONTROL_TYPE, CONTROL_TYPE, NORMAL, NORMAL, NORMAL, NORMAL],
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def opened(**changes: Any) -> Port:
    """Of a vocabulary of seven tokens, with other values for some keys."""
    return open_sentencepiece({f"tokenizer.ggml.{k}": v for k, v in (TINY | changes).items()}, Path("m.gguf"))


@pytest.fixture(scope="module")
def first() -> Port:
    return open_sentencepiece(sentencepiece_metadata(FIRST), Path("m.gguf"))


@pytest.mark.parametrize("file", sorted(DATA.glob("*.model.v*")), ids=lambda file: file.suffix)
def test_mistrals_vocabularies_cut_as_the_library_cuts(file: Path) -> None:
    library = SentencePieceProcessor(model_file=str(file))
    ours = open_sentencepiece(sentencepiece_metadata(file), Path("m.gguf"))
    cut = list(map(ours.encode, STRINGS))
    assert [text for text, tokens in zip(STRINGS, cut, strict=True) if tokens != library.encode(text)] == []
    assert [tokens for tokens in cut if ours.decode(tokens) != library.decode(tokens)] == []
    assert (ours.vocabulary_size, ours.bos, ours.eos, ours.add_bos) == (library.vocab_size(), 1, 2, True)


def test_a_vocabulary_without_bytes_and_with_whole_words_cuts_as_the_library_cuts(tmp_path: Path) -> None:
    model, words = io.BytesIO(), ["égaux", "und", "  "]
    SentencePieceTrainer.train(
        sentence_iterator=iter(STRINGS[:200]),
        model_writer=model,
        vocab_size=700,
        model_type="bpe",
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        user_defined_symbols=words,
        minloglevel=2,
    )
    (tmp_path / "tokenizer.model").write_bytes(model.getvalue())
    library = SentencePieceProcessor(model_proto=model.getvalue())
    metadata = sentencepiece_metadata(tmp_path / "tokenizer.model")
    for word in map(library.piece_to_id, words):
        metadata["tokenizer.ggml.token_type"][word] = USER_DEFINED
    ours = open_sentencepiece(metadata, Path("m.gguf"))
    assert [text for text in STRINGS if ours.encode(text) != library.encode(text)] == []
    assert library.unk_id() in ours.encode("𒀀")
    assert ours.decode(ours.encode("a𒀀b")) == "ab"


@given(text=st.text().filter(lambda text: "▁" not in text))
def test_decoding_gives_back_any_text(text: str, first: Port) -> None:
    """U+2581 stands for the space, in every such vocabulary."""
    assert first.decode(first.encode(text)) == text


def test_characters_that_are_no_token_become_their_bytes(first: Port) -> None:
    tokens = first.encode("𓀀")
    assert [first.token_text(token) for token in tokens] == [" ", "\ufffd", "\ufffd", "\ufffd", "\ufffd"]
    assert b"".join(map(first.token_bytes, tokens)) == " 𓀀".encode()


@pytest.mark.parametrize("spelling", ["<s>", "</s>", "<unk>", "<0x0A>"])
def test_what_people_spell_is_text(spelling: str, first: Port) -> None:
    spelled = first.encode(f"a{spelling}b")
    assert not {0, 1, 2, 13} & set(spelled)
    assert first.decode(spelled) == f"a{spelling}b"


def test_every_text_begins_with_a_space_that_decoding_leaves_out(first: Port) -> None:
    assert first.strips_space
    assert first.encode("a") == first.encode("</s>a", control=True)[1:]
    assert first.decode(first.encode(" a")) == " a"
    assert first.encode("") == []


def test_mistrals_templates_write_the_space_after_a_control_token_themselves() -> None:
    third = open_sentencepiece(sentencepiece_metadata(THIRD), Path("m.gguf"))
    assert third.encode("[INST] a", control=True)[1:] == third.encode("a")


def test_a_vocabulary_may_do_without_the_first_space() -> None:
    assert opened(add_space_prefix=False).encode("a") == [5]
    assert opened(add_space_prefix=False).decode([6]) == " a"
    assert opened().encode("a") == [6]
    assert opened().decode([6]) == "a"


def test_types_may_be_missing() -> None:
    ours = opened(token_type=[])
    assert ours.encode("a") == [6]
    assert ours.encode("<s>a", control=True) == [1, 6]


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "no scores": ({"scores": []}, "scores: there are 0 for 7 tokens"),
    "scores that are words": ({"scores": ["x"] * 7}, "scores: is not the array"),
    "a score that is not a number": ({"scores": [math.nan] * 7}, "scores: not all scores are numbers"),
    "an endless score": ({"scores": [-math.inf] * 7}, "scores: not all scores are numbers"),
    "a score beyond 32 bits": ({"scores": [1e300] * 7}, "does not hold together"),
    "an unknown token beyond the end": ({"token_type": [], "unknown_token_id": 7}, "the unknown token is 7"),
    "a negative unknown token": ({"token_type": [], "unknown_token_id": -1}, "the unknown token is -1"),
    "an unknown token that is a word": ({"token_type": [], "unknown_token_id": "x"}, "the unknown token is 'x'"),
    "a space that is a number": ({"add_space_prefix": 2}, "add_space_prefix: is 2, not true or false"),
    "bytes that are none": ({"token_type": [UNKNOWN, *[BYTE] * 6]}, "does not hold together: .*byte piece"),
    "an eos that is no number": ({"eos_token_id": 2.0}, "eos_token_id: is 2.0"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_vocabulary_is_refused(lie: str) -> None:
    changes, message = LIES[lie]
    with pytest.raises(BadFile, match=message) as refusal:
        opened(**changes)
    assert "m.gguf" in str(refusal.value)
