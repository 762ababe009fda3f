"""The forms of filling in the middle, against whoever made them: token ids, family by family."""

from __future__ import annotations

import json
from pathlib import Path

import mistral_common
import pytest
import sentencepiece
from mistral_common.protocol.fim.request import FIMRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from tokenizers import Tokenizer as Library
from tokenizers import models, pre_tokenizers
from tokenizers.decoders import ByteLevel

from galerne.prompt.fim import find_fim
from galerne.prompt.gguf_vocabulary import TokenType
from galerne.prompt.hf import open_hf
from galerne.prompt.mistral import MistralTokens
from galerne.prompt.sentencepiece_ import open_sentencepiece
from galerne.prompt.tokenizer import Tokenizer

DATA = Path(mistral_common.__file__).parent / "data"

BEFORE = "def né(x):\n    return "
AFTER = "  # 🌬 <fim_middle> [PREFIX] ▁<MID> <|fim_middle|>\n"
GAPS = [(BEFORE, AFTER), (BEFORE, ""), ("", AFTER), ("", ""), (" x", " y"), ("a\n", "\tb")]


@pytest.mark.parametrize("file", ["mistral_instruct_tokenizer_240323.model.v3", "tekken_240911.json"])
def test_codestral_as_mistral_common_has_it(file: str) -> None:
    fim = find_fim(MistralTokens(DATA / file))
    assert fim is not None
    library = MistralTokenizer.from_file(DATA / file)
    for before, after in GAPS:
        assert fim.encode(before, after) == library.encode_fim(FIMRequest(prompt=before, suffix=after or None)).tokens


def byte_level(folder: Path, control: list[str], bos: str | None = None) -> tuple[Tokenizer, Library]:
    """A vocabulary of the bytes and these control tokens, opened by us and by the library that made it."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    library = Library(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    library.decoder = ByteLevel()
    library.add_special_tokens([*control, *([bos] if bos else [])])
    library.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": bos, "eos_token": control[-1]}))
    return open_hf(folder, {}), library


FORMS = {
    "qwen": ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>", "<|endoftext|>"),
    "starcoder": ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>", "<|endoftext|>"),
    "deepseek": ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "<｜end▁of▁sentence｜>"),
}


@pytest.mark.parametrize("family", FORMS)
@pytest.mark.parametrize(("before", "after"), [(before, after) for before, after in GAPS if "<" not in after])
def test_the_others_as_their_authors_write_it(family: str, before: str, after: str, tmp_path: Path) -> None:
    first, second, third, *_ = FORMS[family]
    tokenizer, library = byte_level(tmp_path, list(FORMS[family]))
    fim = find_fim(tokenizer)
    assert fim is not None
    # Their documentation spells the whole prompt as one text.
    assert fim.encode(before, after) == library.encode(f"{first}{before}{second}{after}{third}").ids


@pytest.mark.parametrize("family", FORMS)
def test_code_cannot_spell_control_tokens(family: str, tmp_path: Path) -> None:
    tokenizer, _ = byte_level(tmp_path, list(FORMS[family]))
    fim = find_fim(tokenizer)
    assert fim is not None
    tokens = fim.encode(FORMS[family][2], FORMS[family][1])
    assert [tokens.count(tokenizer.find(spelling)) for spelling in FORMS[family][:3]] == [1, 1, 1]  # type: ignore[arg-type]


def test_what_begins_a_text_begins_the_prompt(tmp_path: Path) -> None:
    tokenizer, _ = byte_level(tmp_path, list(FORMS["deepseek"]), bos="<｜begin▁of▁sentence｜>")
    tokenizer.add_bos = True  # type: ignore[misc] (a real one says so in its post-processor)
    fim = find_fim(tokenizer)
    assert fim is not None
    assert fim.encode("a", "b")[0] == tokenizer.bos


@pytest.mark.parametrize(("family", "ends"), [("qwen", "<|file_sep|>"), ("starcoder", "<file_sep>")])
def test_another_file_ends_the_middle(family: str, ends: str, tmp_path: Path) -> None:
    tokenizer, _ = byte_level(tmp_path, list(FORMS[family]))
    fim = find_fim(tokenizer)
    assert fim is not None
    assert tokenizer.find(ends) in fim.stop_tokens
    assert tokenizer.find("<|endoftext|>") in tokenizer.stop_tokens


def test_code_llama_as_its_authors_have_it() -> None:
    pieces = sentencepiece.SentencePieceProcessor(str(DATA / "tokenizer.model.v1"))
    size = pieces.get_piece_size()
    kinds = [TokenType.NORMAL] * size
    for token in range(size):
        kinds[token] = TokenType.BYTE if pieces.is_byte(token) else kinds[token]
        kinds[token] = TokenType.CONTROL if pieces.is_control(token) else kinds[token]
        kinds[token] = TokenType.UNKNOWN if pieces.is_unknown(token) else kinds[token]
    added = ["▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"]
    metadata = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [*(pieces.id_to_piece(token) for token in range(size)), *added],
        "tokenizer.ggml.scores": [*(pieces.get_score(token) for token in range(size)), *[0.0] * 4],
        "tokenizer.ggml.token_type": [*map(int, kinds), *[int(TokenType.CONTROL)] * 4],
        "tokenizer.ggml.bos_token_id": pieces.bos_id(),
        "tokenizer.ggml.eos_token_id": pieces.eos_id(),
    }
    tokenizer = open_sentencepiece(metadata, Path("codellama.gguf"))
    fim = find_fim(tokenizer)
    assert fim is not None
    pre, suf, mid, end = range(size, size + 4)
    # Its repository's `infilling_prompt_tokens`: "<PRE> {before} <SUF>{after} <MID>".
    for before, after in GAPS:
        within = pieces.encode("☺" + after)[2:]
        assert fim.encode(before, after) == [pieces.bos_id(), pre, *pieces.encode(before), suf, *within, mid]
    assert fim.stop_tokens == {end}


def test_a_vocabulary_without_such_tokens(tmp_path: Path) -> None:
    assert find_fim(byte_level(tmp_path, ["<|im_start|>", "<fim_prefix>", "<fim_suffix>"])[0]) is None
    assert find_fim(MistralTokens(DATA / "mistral_instruct_tokenizer_240216.model.v2")) is None
