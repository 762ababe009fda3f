"""Hugging Face folders, against the `tokenizers` library that wrote their tokenizer.json."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tests.prompt.strings import LANGUAGES, varied_strings
from tests.prompt.vocabularies import CONTROL, merging_bpe
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from galerne.errors import BadFile, UnsupportedFile
from galerne.prompt.hf import open_hf
from galerne.prompt.pretokenizers import PRETOKENIZERS
from galerne.prompt.vocabulary import MARK

STRINGS = varied_strings()


def byte_level(*patterns: str, normalizer: normalizers.Normalizer | None = None, **options: Any) -> Tokenizer:
    """As Llama 3, Qwen 2 and their like have it."""
    metadata = merging_bpe()
    ids = {spelling: token for token, spelling in enumerate(metadata["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(ids, merges, **options))
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not patterns)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, bytes_]) if splits else bytes_
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in CONTROL])
    tokenizer.add_tokens(
        [AddedToken("<think>", normalized=False, special=False), AddedToken("vernunft", special=False)]
    )
    tokenizer.post_processor = processors.TemplateProcessing("<|im_start|> $A", None, [("<|im_start|>", 1)])
    return tokenizer


def pieces(*, metaspace: bool) -> Tokenizer:
    """As Llama 2 and Mistral 7B have it: SentencePiece's vocabulary, its scores told as merges."""
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(LANGUAGES.values()),
        model_writer=model,
        vocab_size=900,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    library = SentencePieceProcessor(model_proto=model.getvalue())
    ids = {library.id_to_piece(token): token for token in range(library.vocab_size())}
    splits = [(piece[:end], piece[end:]) for piece in ids for end in range(1, len(piece))]
    pairs = [pair for pair in splits if set(pair) <= ids.keys()]
    pairs.sort(key=lambda pair: -library.get_score(ids["".join(pair)]))
    tokenizer = Tokenizer(models.BPE(ids, pairs, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in ("<unk>", "<s>", "</s>")])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", None, [("<s>", 1)])
    return tokenizer


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "gpt-2": byte_level,
    "llama-3": lambda: byte_level(*PRETOKENIZERS["llama-bpe"].patterns, ignore_merges=True),
    "qwen-2": lambda: byte_level(*PRETOKENIZERS["qwen2"].patterns, normalizer=normalizers.NFC()),
    "deepseek": lambda: byte_level("[\r\n]", r"\s?\p{L}+", r"\s+$", r"\p{N}"),
    "llama-2": lambda: pieces(metaspace=False),
    "mistral": lambda: pieces(metaspace=True),
}


@pytest.fixture(scope="module", params=KINDS)
def library(request: pytest.FixtureRequest) -> Tokenizer:
    return KINDS[request.param]()


def written(folder: Path, library: Tokenizer, **spoken: Any) -> Path:
    library.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(spoken))
    return folder


def test_every_text_is_cut_as_the_library_cuts_it(library: Tokenizer, tmp_path: Path) -> None:
    ours = open_hf(written(tmp_path, library), {})
    library.encode_special_tokens = True  # as text
    cut = list(map(ours.encode, STRINGS))
    wanted = [library.encode(text, add_special_tokens=False).ids for text in STRINGS]
    assert [text for text, tokens, want in zip(STRINGS, cut, wanted, strict=True) if tokens != want] == []
    assert [tokens for tokens in cut if ours.decode(tokens) != library.decode(tokens)] == []


def test_control_tokens_are_found_as_the_library_finds_them(library: Tokenizer, tmp_path: Path) -> None:
    ours = open_hf(written(tmp_path, library), {})
    library.encode_special_tokens = False
    unmarked = [text for text in STRINGS if MARK not in text]
    cut = [ours.encode(text, control=True) for text in unmarked]
    assert cut == [library.encode(text, add_special_tokens=False).ids for text in unmarked]
    assert [tokens for tokens in cut if ours.decode(tokens) != library.decode(tokens)] == []


def test_what_people_spell_is_text(library: Tokenizer, tmp_path: Path) -> None:
    ours = open_hf(written(tmp_path, library), {})
    for spelling, token in ours_control(library).items():
        assert ours.encode(spelling, control=True) == [token]
        assert ours.decode(ours.encode(f"a{spelling}b")) == f"a{spelling}b"
        assert token not in ours.encode(f"a{spelling}b")


def ours_control(library: Tokenizer) -> dict[str, int]:
    return {added.content: token for token, added in library.get_added_tokens_decoder().items() if added.special}


def test_special_tokens_are_what_the_files_say(tmp_path: Path) -> None:
    folder = written(tmp_path, byte_level(), bos_token={"content": "<|im_start|>"}, eos_token="<|im_end|>")
    ours = open_hf(folder, {"bos_token_id": 0, "eos_token_id": 0})
    assert (ours.bos, ours.eos, ours.add_bos) == (1, 2, True)
    assert ours.stop_tokens == {0, 2}
    (folder / "generation_config.json").write_text('{"eos_token_id": [2, 7]}')
    assert open_hf(folder, {}).stop_tokens == {0, 2, 7}


def test_a_token_that_is_said_to_be_none_is_none(tmp_path: Path) -> None:
    ours = open_hf(written(tmp_path, byte_level(), bos_token=None), {"bos_token_id": 1, "eos_token_id": 2})
    assert (ours.bos, ours.eos, ours.add_bos) == (None, 2, False)


def test_holes_in_the_vocabulary_have_no_text(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.BPE({"a": 0, "b": 3}, []))
    tokenizer.decoder = decoders.ByteLevel()
    ours = open_hf(written(tmp_path, tokenizer), {})
    assert [ours.token_bytes(token) for token in range(5)] == [b"a", b"", b"", b"b", b""]
    assert ours.token_text(1) == "[1]"


def test_added_tokens_that_are_not_special_have_a_text(tmp_path: Path) -> None:
    ours = open_hf(written(tmp_path, byte_level()), {})
    tokens = ours.encode("a<think>vernunft")
    assert len(tokens) == 3
    assert ours.decode(tokens) == "a<think>vernunft"


def test_a_text_is_never_truncated_or_padded(tmp_path: Path) -> None:
    tokenizer = byte_level()
    whole = tokenizer.encode("one two three", add_special_tokens=False).ids
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=64)
    assert open_hf(written(tmp_path, tokenizer), {}).encode("one two three") == whole


def changed(**parts: Any) -> dict[str, Any]:
    tokenizer = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    tokenizer.decoder = decoders.ByteLevel()
    return {**json.loads(tokenizer.to_str()), **parts}


def model(**parts: Any) -> dict[str, Any]:
    return changed(model=changed()["model"] | parts)


def added(**parts: Any) -> dict[str, Any]:
    token = {
        "id": 3,
        "content": "<|x|>",
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    return changed(added_tokens=[token | parts])


def replace(pattern: Any, content: Any) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def test_the_small_file_that_the_lies_are_told_about_is_true(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(added()))
    assert open_hf(tmp_path, {}).encode("ab<|x|>", control=True) == [2, 3]


LIES: dict[str, tuple[Any, type[BadFile], str]] = {
    "a list": ([], BadFile, "not a JSON object"),
    "nothing": ({}, UnsupportedFile, "of the kind None"),
    "words": (changed(model={"type": "WordPiece"}), UnsupportedFile, "'WordPiece' is not known, only 'BPE'"),
    "a model that is a number": (changed(model=3), UnsupportedFile, "of the kind 3"),
    "ends of words": (model(end_of_word_suffix="</w>"), UnsupportedFile, "end of a word"),
    "a vocabulary that is a list": (model(vocab=["a"]), BadFile, "does not hold together"),
    "a token beyond all bounds": (model(vocab={"a": 2**31}, merges=[]), BadFile, "has 2147483649 tokens"),
    "a negative token": (model(vocab={"a": -1}, merges=[]), BadFile, "does not hold together"),
    "no token": (model(vocab={}, merges=[]), BadFile, "has 0 tokens"),
    "a merge of no tokens": (model(merges=[["x", "y"]]), BadFile, "does not hold together"),
    "an unknown token that is none": (model(unk_token="?"), BadFile, r"the unknown token '\?' is not in"),
    "an unknown token that is a list": (model(unk_token=["a"]), BadFile, "the unknown token"),
    "no decoder": (changed(decoder=None), UnsupportedFile, r"decoder of the kinds \[\]"),
    "another decoder": (changed(decoder={"type": "CTC"}), UnsupportedFile, "CTC"),
    "added tokens that are a word": (changed(added_tokens="x"), BadFile, "added tokens"),
    "an added token without content": (added(content=None), BadFile, "added tokens"),
    "an added token that is empty": (added(content=""), BadFile, "added tokens"),
    "a control token of one letter": (added(content="a"), UnsupportedFile, "'a' is a control token"),
    "a control token of a kilobyte": (added(content="x" * 1000), BadFile, "more than 256 characters"),
    "a pattern that takes forever": (
        changed(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated"}),
        UnsupportedFile,
        r"pre_tokenizer: the pattern '\(a\+\)\+\$' is not known",
    ),
    "a pattern that is a list": (
        changed(pre_tokenizer={"type": "Split", "pattern": {"Regex": ["a"]}}),
        UnsupportedFile,
        "the pattern",
    ),
    "a hidden pattern": (
        changed(normalizer={"type": "Sequence", "normalizers": [{"normalizers": [replace({"Regex": "x*"}, "")]}]}),
        UnsupportedFile,
        "normalizer: the pattern 'x[*]'",
    ),
    "a sequence that is a number": (
        changed(pre_tokenizer={"type": "Sequence", "pretokenizers": 3}),
        BadFile,
        "does not hold together",
    ),
    "a letter that becomes thousands": (
        changed(normalizer=replace({"String": "a"}, "b" * 10_000)),
        UnsupportedFile,
        "makes a text longer",
    ),
    "nothing that becomes a letter": (changed(normalizer=replace({"String": ""}, "")), UnsupportedFile, "longer"),
    "a long beginning": (changed(normalizer={"type": "Prepend", "prepend": "ab"}), UnsupportedFile, "longer"),
    "a table of characters": (changed(normalizer={"type": "Precompiled"}), UnsupportedFile, "'Precompiled'"),
    "a thousand normalizers": (
        changed(normalizer={"type": "Sequence", "normalizers": [{"type": "NFKC"}] * 1000}),
        UnsupportedFile,
        "normalizer: has 1001 parts",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_file_is_refused(lie: str, tmp_path: Path) -> None:
    content, kind, message = LIES[lie]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(kind, match=message) as refusal:
        open_hf(tmp_path, {})
    assert type(refusal.value) is kind
    assert "tokenizer.json" in str(refusal.value)


def test_a_stop_token_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="token 99 is named, but the vocabulary has"):
        open_hf(written(tmp_path, Tokenizer.from_str(json.dumps(changed()))), {"eos_token_id": [99]})
