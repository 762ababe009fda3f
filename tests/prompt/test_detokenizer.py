"""Incremental detokenizing gives what decoding the whole gives, and never half a character."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.prompt.vocabularies import DATA, merging_bpe, sentencepiece_metadata

from galerne.prompt.bpe import open_bpe
from galerne.prompt.detokenizer import Detokenizer
from galerne.prompt.sentencepiece_ import open_sentencepiece
from galerne.prompt.tokenizer import Tokenizer


@pytest.fixture(scope="module", params=["bytes", "pieces"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    if request.param == "bytes":
        return open_bpe(merging_bpe(), Path("m.gguf"))
    return open_sentencepiece(sentencepiece_metadata(DATA / "tokenizer.model.v1"), Path("m.gguf"))


def pieces(tokenizer: Tokenizer, tokens: list[int], *, continues: bool = False) -> list[str]:
    detokenizer = Detokenizer(tokenizer, continues=continues)
    return [*map(detokenizer.push, tokens), detokenizer.finish()]


TOKENS = st.lists(st.one_of(st.integers(-1, 400), st.integers(0, 40_000)), max_size=30)
"""The first few hundred tokens are control tokens and bytes; some are beyond the vocabulary."""


@given(tokens=TOKENS)
def test_the_pieces_are_the_whole(tokens: list[int], tokenizer: Tokenizer) -> None:
    assert "".join(pieces(tokenizer, tokens)) == tokenizer.decode(tokens)


@given(tokens=TOKENS)
def test_the_continuation_of_a_text_keeps_its_first_space(tokens: list[int], tokenizer: Tokenizer) -> None:
    whole = b"".join(map(tokenizer.token_bytes, tokens)).decode(errors="replace")
    assert "".join(pieces(tokenizer, tokens, continues=True)) == whole


@given(text=st.text())
def test_no_piece_has_half_a_character(text: str, tokenizer: Tokenizer) -> None:
    given = pieces(tokenizer, tokenizer.encode(text.replace("\ufffd", "")))
    assert not any("\ufffd" in piece for piece in given)


@given(text=st.text(min_size=1).filter(lambda text: "▁" not in text))
def test_what_is_certain_is_given_at_once(text: str, tokenizer: Tokenizer) -> None:
    """After each token, all whole characters of its bytes are out."""
    detokenizer, out, data = Detokenizer(tokenizer, continues=True), "", b""
    for token in tokenizer.encode(text):
        out += detokenizer.push(token)
        data += tokenizer.token_bytes(token)
        assert out == data.decode(errors="ignore")
        assert detokenizer.waits == (len(out.encode()) < len(data))


def test_bytes_that_never_become_a_character_end_as_one_mark(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("𒀀")[:-1]
    assert pieces(tokenizer, tokens)[-1] == "\ufffd"


def test_control_tokens_have_no_text(tokenizer: Tokenizer) -> None:
    detokenizer = Detokenizer(tokenizer)
    assert detokenizer.push(1) == ""
    first = "".join(map(detokenizer.push, tokenizer.encode("word")))
    assert first == "word"
