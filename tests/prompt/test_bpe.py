"""GGUF's 'gpt2' vocabularies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.prompt.strings import varied_strings
from tests.prompt.vocabularies import CONTROL, CONTROL_TYPE, NORMAL, USER_DEFINED, bpe_metadata, merging_bpe
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from galerne.errors import BadFile, InvalidRequest, UnsupportedFile
from galerne.prompt import open_tokenizer
from galerne.prompt.bpe import open_bpe
from galerne.prompt.tokenizer import Tokenizer as Port
from galerne.prompt.vocabulary import MARK
from galerne.weights import open_checkpoint

STRINGS = varied_strings()
LETTERS = ["a", "b", "ab", "Ġ", "Ġab", "é"]
MERGES = ["a b", "Ġ ab"]


def opened(**changes: Any) -> Port:
    """Of a vocabulary of nine tokens, with other values for some keys; None leaves one out."""
    changed = {f"tokenizer.ggml.{key}": value for key, value in changes.items()}
    metadata = bpe_metadata([*CONTROL, *LETTERS], MERGES) | changed
    return open_bpe({key: value for key, value in metadata.items() if value is not None}, Path("m.gguf"))


@pytest.fixture(scope="module")
def merging() -> Port:
    return open_bpe(merging_bpe(), Path("m.gguf"))


def test_the_default_model_cuts_as_the_library_cuts(default_model: Path) -> None:
    """The reference is built as the model's own tokenizer.json is, from the same vocabulary."""
    checkpoint = open_checkpoint(default_model)
    ours = open_tokenizer(checkpoint)
    spellings, merges = (checkpoint.metadata[f"tokenizer.ggml.{name}"] for name in ("tokens", "merges"))
    ids = {spelling: token for token, spelling in enumerate(spellings)}
    reference = Tokenizer(models.BPE(ids, [tuple(merge.split(" ")) for merge in merges]))
    reference.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    assert [text for text in STRINGS if ours.encode(text) != reference.encode(text).ids] == []
    reference.add_special_tokens([AddedToken(text, normalized=False) for text in spellings[:17]])
    unmarked = [text for text in STRINGS if MARK not in text]
    assert [text for text in unmarked if ours.encode(text, control=True) != reference.encode(text).ids] == []


def test_what_the_default_model_says_of_itself(default_model: Path) -> None:
    ours = open_tokenizer(open_checkpoint(default_model))
    assert ours.vocabulary_size == 49152
    assert (ours.bos, ours.eos, ours.add_bos, ours.strips_space) == (1, 2, False, False)
    assert ours.stop_tokens == {0, 2}  # <|endoftext|> is not named in the file
    assert ours.encode("<|im_start|>user", control=True) == [1, *ours.encode("user")]
    assert 1 not in ours.encode("<|im_start|>user")


def test_decoding_gives_back_every_text(merging: Port) -> None:
    assert [text for text in STRINGS if merging.decode(merging.encode(text)) != text] == []


@given(text=st.text())
def test_decoding_gives_back_any_text(text: str, merging: Port) -> None:
    assert merging.decode(merging.encode(text)) == text


def test_bytes_that_are_no_token_are_left_out() -> None:
    assert opened().encode("a!b") == [3, 4]


def test_a_word_that_is_a_token_is_that_token_where_the_kind_says_so() -> None:
    without_merges = {"merges": ["a b"], "pre": "llama-bpe"}
    assert opened(**without_merges).encode("ab ab") == [5, 7]
    assert opened(**without_merges | {"pre": "gpt-2"}).encode("ab ab") == [5, 6, 5]


def test_the_beginning_is_added_where_the_file_or_else_the_kind_says_so() -> None:
    assert [opened(pre=kind).add_bos for kind in ("gpt-2", "llama-bpe", "tekken")] == [False, True, True]
    assert opened(add_bos_token=True).add_bos
    assert not opened(pre="llama-bpe", add_bos_token=False).add_bos
    assert not opened(pre="llama-bpe", bos_token_id=None).add_bos


def test_a_user_defined_token_is_never_cut_whoever_spells_it() -> None:
    types = [CONTROL_TYPE] * 3 + [NORMAL] * 5 + [USER_DEFINED]
    ours = open_bpe(
        bpe_metadata([*CONTROL, *LETTERS[:5], "<think> é"], MERGES, token_type=types, eos_token_id=2), Path("m.gguf")
    )
    assert ours.encode("ab<think> éab") == [5, 8, 5]
    assert ours.decode([5, 8, 5]) == "ab<think> éab"


def test_a_user_defined_token_that_looks_like_control_is_control() -> None:
    spellings = [*CONTROL, *LETTERS[:5], "<|tool|>"]
    types = [CONTROL_TYPE] * 3 + [NORMAL] * 5 + [USER_DEFINED]
    ours = open_bpe(bpe_metadata(spellings, MERGES, token_type=types), Path("m.gguf"))
    assert ours.encode("a<|tool|>", control=True) == [3, 8]
    assert 8 not in ours.encode("a<|tool|>")
    assert ours.token_bytes(8) == b""
    assert ours.token_text(8) == "<|tool|>"


def test_tokens_that_end_an_answer_by_name_or_by_spelling() -> None:
    spellings = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *LETTERS, "<|eot_id|>", "<end_of_turn>"]
    ours = open_bpe(bpe_metadata(spellings, MERGES, eos_token_id=3, eot_token_id=4, eom_token_id=5), Path("m.gguf"))
    assert ours.stop_tokens == {0, 2, 3, 4, 5, 9, 10}


def test_rows_beyond_the_vocabulary_have_no_text() -> None:
    ours = opened()
    assert ours.vocabulary_size == 9
    assert [ours.token_bytes(token) for token in (9, -1, 10**9)] == [b"", b"", b""]
    assert ours.token_text(9) == "[9]"
    assert ours.decode([3, 9, 4]) == "ab"


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(InvalidRequest, match="character 2 of the text is half a surrogate pair"):
        opened().encode("ab\ud800")


LIES: dict[str, tuple[dict[str, Any], type[BadFile], str]] = {
    "no tokens": ({"tokens": None}, BadFile, "no vocabulary"),
    "tokens that are no array": ({"tokens": "abc"}, BadFile, "tokens: is not the array"),
    "a token that is a number": ({"tokens": [*CONTROL, 1]}, BadFile, "tokens: is not the array"),
    "a token twice": ({"tokens": [*CONTROL, "a", "a"]}, BadFile, "'a' is there twice"),
    "an empty vocabulary": ({"tokens": []}, BadFile, "no vocabulary"),
    "a token of a megabyte": (
        {"tokens": [*CONTROL, *LETTERS[:5], "x" * 2**20]},
        BadFile,
        "a token has more than 4096 characters",
    ),
    "a control token of a kilobyte": (
        {"tokens": ["x" * 1000, *CONTROL[1:], *LETTERS], "token_type": [CONTROL_TYPE] * 9},
        BadFile,
        "a control token has more than 256 characters",
    ),
    "fewer types than tokens": ({"token_type": [1]}, BadFile, "there are 1 for 9 tokens"),
    "an unknown type": ({"token_type": [7] * 9}, BadFile, "7 is not a type of token"),
    "types that are words": ({"token_type": ["x"] * 9}, BadFile, "token_type: is not the array"),
    "a token beyond the end": ({"eos_token_id": 9}, BadFile, "eos_token_id: is 9, but there are 9 tokens"),
    "a negative token": ({"bos_token_id": -1}, BadFile, "bos_token_id: is -1"),
    "a token that is true": ({"bos_token_id": True}, BadFile, "bos_token_id: is True"),
    "a token that is a list": ({"eot_token_id": [1]}, BadFile, r"eot_token_id: is \[1\]"),
    "a flag that is a number": ({"add_bos_token": 1}, BadFile, "add_bos_token: is 1, not true or false"),
    "merges that are no array": ({"merges": {}}, BadFile, "merges: is not the array"),
    "a merge of one": ({"merges": ["ab"]}, BadFile, "merges: 'ab' is not two tokens"),
    "an empty merge": ({"merges": [""]}, BadFile, "merges: '' is not two tokens"),
    "a merge of no tokens": ({"merges": ["x y"]}, BadFile, "merges: .*x"),
    "a merge that gives no token": ({"merges": ["b a"]}, BadFile, "merges: .*ba"),
    "an unknown pre-tokenizer": ({"pre": "gpt-9"}, UnsupportedFile, "'gpt-9' is not known"),
    "a pre-tokenizer that is a list": ({"pre": ["gpt-2"]}, UnsupportedFile, "is not known"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_vocabulary_is_refused(lie: str) -> None:
    changes, kind, message = LIES[lie]
    with pytest.raises(kind, match=message) as refusal:
        opened(**changes)
    assert type(refusal.value) is kind
    assert "m.gguf" in str(refusal.value)
