"""What people write never becomes a control token, whatever they write and wherever a template puts it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.prompt.strings import varied_strings
from tests.prompt.vocabularies import CONTROL, DATA, merging_bpe, sentencepiece_metadata
from tokenizers import AddedToken, decoders, models, normalizers
from tokenizers import Tokenizer as Library

from galerne.errors import BadFile
from galerne.prompt.bpe import open_bpe
from galerne.prompt.hf import open_hf
from galerne.prompt.mistral import MistralTokens
from galerne.prompt.sentencepiece_ import open_sentencepiece
from galerne.prompt.tokenizer import Tokenizer
from galerne.prompt.vocabulary import Spellings, Vocabulary

FIRST, SECOND = "\U0005fffe", "\U0006ffff"
PARTS = [*CONTROL, "<|im_", "end|>", "<|", "|>", "</s>", "<s", "s>", ">", "[INST]", "[IN", "a", " ", "é", FIRST, SECOND]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=8).map("".join)


def folder(path: Path) -> Path:
    """A tokenizer.json that changes texts before it cuts them."""
    ids = {spelling: token for token, spelling in enumerate(merging_bpe()["tokenizer.ggml.tokens"])}
    tokenizer = Library(models.BPE(ids, []))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace("a", "b")])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text) for text in CONTROL])
    (path / "tokenizer.json").write_text(tokenizer.to_str())
    (path / "tokenizer_config.json").write_text(json.dumps({"eos_token": CONTROL[2]}))
    return path


@pytest.fixture(scope="module", params=["bytes", "pieces", "folder", "mistral"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    match request.param:
        case "bytes":
            return open_bpe(merging_bpe(), Path("m.gguf"))
        case "pieces":
            return open_sentencepiece(sentencepiece_metadata(DATA / "tokenizer.model.v1"), Path("m.gguf"))
        case "folder":
            return open_hf(folder(tmp_path_factory.mktemp("folder")), {})
    return MistralTokens(DATA / "mistral_instruct_tokenizer_240323.model.v3")


def control_in(tokenizer: Tokenizer, tokens: list[int]) -> list[str]:
    return [tokenizer.token_text(token) for token in tokens if not tokenizer.token_bytes(token)]


def end_of(tokenizer: Tokenizer) -> str:
    assert tokenizer.eos is not None
    return tokenizer.token_text(tokenizer.eos)


@given(text=TEXTS)
def test_protected_text_is_cut_as_text(text: str, tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode(text)
    assert tokenizer.encode(tokenizer.protect(text), control=True) == tokens
    assert control_in(tokenizer, tokens) == []


@given(first=TEXTS, second=TEXTS)
def test_only_the_template_says_control_tokens(first: str, second: str, tokenizer: Tokenizer) -> None:
    end, first, second = end_of(tokenizer), tokenizer.protect(first), tokenizer.protect(second)
    tokens = tokenizer.encode(f"{end}{first}{end}{second}{end}", control=True)
    assert control_in(tokenizer, tokens) == [end] * 3


@given(first=TEXTS, second=TEXTS, rest=st.sampled_from(["", "end|>", "|>", "s>", ">"]))
def test_neighbours_spell_no_control_token_together(first: str, second: str, rest: str, tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode(tokenizer.protect(first) + tokenizer.protect(second) + rest, control=True)
    assert control_in(tokenizer, tokens) == []


async def test_threads_cut_at_the_same_time_as_one_does_alone(tokenizer: Tokenizer) -> None:
    texts = varied_strings()[:400]
    alone = list(map(tokenizer.encode, texts))
    together = await asyncio.gather(*(asyncio.to_thread(list, map(tokenizer.encode, texts)) for _ in range(4)))
    assert together == [alone] * 4


def test_the_longest_spelling_at_the_leftmost_place_is_found() -> None:
    spellings = Spellings({"<a>": 1, "<a><b>": 2, "<b>": 3, "b": 4})
    assert list(spellings.find("x<a><b><b>")) == [(1, 7, 2), (7, 10, 3)]
    assert list(spellings.find("<a><b>", overlapping=True)) == [(0, 6, 2), (3, 6, 3)]
    assert list(Spellings({}).find("<a>")) == []


def test_a_spelling_of_one_letter_is_never_found() -> None:
    assert list(Spellings({"b": 4}).find("abc")) == []


def vocabulary(**changes: Any) -> Vocabulary:
    fields: dict[str, Any] = {
        "spellings": ["a", "<b>"],
        "contents": [b"a", b""],
        "control": {"<b>": 1},
        "bos": None,
        "eos": 1,
        "add_bos": False,
        "stop_tokens": frozenset({1}),
    }
    return Vocabulary(**fields | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spellings": []}, "has 0 tokens"),
        ({"spellings": ["a"] * (2**20 + 1)}, "has 1048577 tokens"),
        ({"spellings": ["a", "b" * 4097]}, "a token has more than 4096 characters"),
        ({"control": {"b" * 257: 1}}, "a control token has more than 256 characters"),
        ({"control": {f"{'b' * 250}{n}": 1 for n in range(4_300)}}, "have more than 1048576 characters"),
        ({"bos": 2}, "token 2 is named, but the vocabulary has 2"),
        ({"stop_tokens": frozenset({-1})}, "token -1 is named"),
    ],
)
def test_numbers_beyond_their_bounds_are_refused(changes: dict[str, Any], message: str) -> None:
    vocabulary().check("m.gguf")
    with pytest.raises(BadFile, match=message):
        vocabulary(**changes).check("m.gguf")
