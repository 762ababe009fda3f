"""Every kind of pre-tokenizer agrees with independent implementations, token by token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import regex
from tests.prompt.byte_pairs import slow_encoder
from tests.prompt.strings import varied_strings
from tests.prompt.vocabularies import CONTROL, bpe_metadata, merging_bpe
from tiktoken_ext import openai_public
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers.convert_slow_tokenizer import bytes_to_unicode
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

from galerne.prompt.bpe import open_bpe
from galerne.prompt.pretokenizers import PATTERNS, PRETOKENIZERS
from galerne.prompt.tokenizer import Tokenizer as Port

STRINGS = varied_strings()
NAMES = {kind: name for name, kind in reversed(PRETOKENIZERS.items())}.values()
"""One name of each kind."""


def opened(name: str) -> Port:
    return open_bpe({**merging_bpe(), "tokenizer.ggml.pre": name}, Path("m.gguf"))


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_agrees_with_another_engine(name: str) -> None:
    kind = PRETOKENIZERS[name]
    reference = slow_encoder(merging_bpe(), kind.patterns, ignore_merges=kind.ignore_merges)
    ours = opened(name)
    assert [text for text in STRINGS if ours.encode(text) != reference(text)] == []


@pytest.mark.parametrize("name", sorted(GGUF_PRE_TOKENIZER_SPLITS))
def test_names_mean_what_they_mean_to_transformers(name: str) -> None:
    assert PRETOKENIZERS[name].patterns == (GGUF_PRE_TOKENIZER_SPLITS[name],)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("gpt-2", [pre_tokenizers.ByteLevel(add_prefix_space=False)]),
        ("smollm", [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
    ],
)
def test_kinds_that_the_library_has_parts_for(name: str, parts: list[pre_tokenizers.PreTokenizer]) -> None:
    """The models' own tokenizer.json files are built from these."""
    metadata = merging_bpe()
    ids = {spelling: token for token, spelling in enumerate(metadata["tokenizer.ggml.tokens"])}
    pairs = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    reference = Tokenizer(models.BPE(ids, pairs))
    reference.pre_tokenizer = pre_tokenizers.Sequence(parts)
    ours = opened(name)
    assert [text for text in STRINGS if ours.encode(text) != reference.encode(text).ids] == []


def test_gpt_4o_cuts_as_openai_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", lambda *_, **__: {})
    reference = slow_encoder(merging_bpe(), (openai_public.o200k_base()["pat_str"],), ignore_merges=False)
    ours = opened("gpt-4o")
    assert [text for text in STRINGS if ours.encode(text) != reference(text)] == []


# As llama.cpp cuts them.
CUTS = {
    "default": "x·^=·123·45· ·6· `·ab·`· ·..., don·'·t· I·'·LL· · a·\n\n· b, A·+·b·  · ·1·!?(·c·)· ",
    "falcon": "x·^=·123·45· 6· ·`·ab·`· ·..., don·'·t· I·'·LL· · a·\n\n· b, A·+·b·  · 1·!?(·c·)· ",
    "bloom": "x^=12345· 6· `ab`· ..., don't· I'LL· · a·\n\n· b, A+b·  · 1·!?(·c·) ",
    "viking": "x^=·1·2·3·4·5· ·6· `ab`· ..., don't· I'LL· · a·\n\n· b, A+b·  · ·1·!?(·c·) ",
    "deepseek-llm": "x·^=·12345· ·6· `·ab·`· ..., don·'·t· I·'·LL· · a·\n·\n· b, A·+·b·   ·1·!?(·c·)· ",
    "deepseek-coder": "x·^=·1·2·3·4·5· ·6· `·ab·`· ..., don·'·t· I·'·LL· · a·\n·\n· b, A·+·b·   ·1·!?(·c·)· ",
    "deepseek-v3": "x·^=·123·45· ·6· `·ab·`· ..., don·'t· I·'LL· · a·\n\n· b, A·+b·   ·1·!?(·c·)· ",
    "seed-coder": "x·^=·1·2·3·4·5· ·6· `·ab·`· ..., don·'t· I·'LL· · a·\n\n· b, A·+b·  · ·1·!?(·c·)· ",
}


@pytest.mark.parametrize("name", CUTS)
def test_kinds_cut_as_they_cut_elsewhere(name: str) -> None:
    for pieces in (text.split("·") for text in CUTS[name].split(", ")):
        text = "".join(pieces)
        ours = open_bpe(piece_vocabulary(text) | {"tokenizer.ggml.pre": name}, Path("m.gguf"))
        assert [ours.token_text(token) for token in ours.encode(text)] == pieces


def piece_vocabulary(text: str) -> dict[str, Any]:
    """A vocabulary in which every piece of an ASCII text is one token."""
    spelled = "".join(bytes_to_unicode()[byte] for byte in text.encode())
    ends = [(start, end) for start in range(len(spelled)) for end in range(start + 2, len(spelled) + 1)]
    pieces = sorted({spelled[start:end] for start, end in ends}, key=len)
    merges = [f"{piece[:middle]} {piece[middle:]}" for piece in pieces for middle in range(1, len(piece))]
    return bpe_metadata([*CONTROL, *bytes_to_unicode().values(), *pieces], merges)


@pytest.mark.parametrize("text", [" ", "a  ", "  a", " \t a \u3000", "", "a"])
def test_last_spaces_are_found_at_once(text: str) -> None:
    """The pattern in files is tried from each space of a run, up to its end; what is run for it looks back first."""
    assert regex.findall(PATTERNS[r"\s+$"], text) == regex.findall(r"\s+$", text)
