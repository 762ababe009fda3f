"""Texts with control tokens spelled out <-> tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.flows.fakes import ByteTokenizer
from tests.prompt.strings import CODE, EMOJI, LANGUAGES, OTHERS

from galerne.prompt import open_tokenizer
from galerne.prompt.plain_text import encode_text, spell
from galerne.prompt.tokenizer import Tokenizer
from galerne.weights import open_checkpoint


class BeginningTokenizer(ByteTokenizer):
    """Begins its texts, and puts a space before them as SentencePiece does."""

    vocabulary_size = 258
    bos = 257
    add_bos = True
    strips_space = True

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        if control and text.startswith("<s>"):
            return [257, *f" {text[3:]}".encode()]
        return list(f" {text}".encode())

    def decode(self, tokens: Sequence[int]) -> str:
        return super().decode(tokens).removeprefix(" ")

    def token_text(self, token: int) -> str:
        return "<s>" if token == 257 else super().token_text(token)


@pytest.fixture(scope="module")
def tokenizer(default_model: Path) -> Tokenizer:
    return open_tokenizer(open_checkpoint(default_model))


def test_a_text_begins_as_the_models_texts_do_and_only_once() -> None:
    tokenizer = BeginningTokenizer()
    assert encode_text(tokenizer, "a") == [257, 32, 97]
    assert encode_text(tokenizer, "<s>a") == [257, 32, 97]
    assert encode_text(tokenizer, "a", begin=False) == [32, 97]


def test_a_model_whose_texts_begin_with_nothing(tokenizer: Tokenizer) -> None:
    assert not tokenizer.add_bos
    assert encode_text(tokenizer, "Hello") == tokenizer.encode("Hello")


def test_spelled_out_are_control_tokens_and_not_the_space_of_the_vocabulary() -> None:
    assert spell(BeginningTokenizer(), [257, 32, 97, 257]) == "<s>a<s>"
    assert spell(BeginningTokenizer(), [257]) == "<s>"
    assert spell(BeginningTokenizer(), []) == ""


def test_a_spelled_control_token_is_that_token(tokenizer: Tokenizer) -> None:
    assert encode_text(tokenizer, "<|im_start|>")[0] == tokenizer.bos


# Not any text: this vocabulary has no tokens for some bytes, as of characters that Unicode has not assigned yet.
letters = st.text("".join((*LANGUAGES.values(), *OTHERS, *CODE, *EMOJI)), max_size=8)
control = st.sampled_from(["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_"])


@given(st.lists(control | letters, max_size=12).map("".join))
def test_there_and_back_is_the_same_text(tokenizer: Tokenizer, text: str) -> None:
    assert spell(tokenizer, encode_text(tokenizer, text)) == text
