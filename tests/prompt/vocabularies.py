"""Vocabularies as GGUF's metadata has them, and the files that they are made from."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

import mistral_common
from mistral_common.tokens.tokenizers.base import SpecialTokens
from sentencepiece import SentencePieceProcessor
from tests.prompt.strings import varied_strings
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from galerne.prompt.pretokenizers import PRETOKENIZERS

DATA = Path(mistral_common.__file__).parent / "data"
"""The tokenizer files that `mistral-common` ships."""

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
NORMAL, UNKNOWN, CONTROL_TYPE, USER_DEFINED, UNUSED, BYTE = range(1, 7)


@cache
def merging_bpe() -> dict[str, Any]:
    """A GGUF 'gpt2' vocabulary whose merges know no words: wherever a pre-tokenizer cuts, the tokens show it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=4_000,
        min_frequency=2,
        max_token_length=12,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=CONTROL,
        show_progress=False,
    )
    tokenizer.train_from_iterator(varied_strings(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return bpe_metadata(sorted(model["vocab"], key=model["vocab"].get), [" ".join(pair) for pair in model["merges"]])


def bpe_metadata(spellings: list[str], merges: list[str], **more: Any) -> dict[str, Any]:
    """The keys of a 'gpt2' vocabulary; `more` are further ones, without their prefix."""
    keys = {
        "model": "gpt2",
        "pre": "gpt-2",
        "tokens": spellings,
        "token_type": [CONTROL_TYPE if text in CONTROL else NORMAL for text in spellings],
        "merges": merges,
        "bos_token_id": spellings.index(CONTROL[1]),
        "eos_token_id": spellings.index(CONTROL[2]),
    }
    return {f"tokenizer.ggml.{key}": value for key, value in (keys | more).items()}


def sentencepiece_metadata(file: Path, **more: Any) -> dict[str, Any]:
    """The GGUF 'llama' vocabulary of a SentencePiece model, as converters write it."""
    library = SentencePieceProcessor(model_file=str(file))
    tokens = range(library.vocab_size())
    kinds = [(library.is_unknown, UNKNOWN), (library.is_control, CONTROL_TYPE), (library.is_byte, BYTE)]
    keys = {
        "model": "llama",
        "tokens": [library.id_to_piece(token) for token in tokens],
        "scores": [library.get_score(token) for token in tokens],
        "token_type": [next((kind for test, kind in kinds if test(token)), NORMAL) for token in tokens],
        "bos_token_id": library.bos_id(),
        "eos_token_id": library.eos_id(),
        "unknown_token_id": library.unk_id(),
    }
    return {f"tokenizer.ggml.{key}": value for key, value in (keys | more).items()}


def tekken(version: str) -> dict[str, Any]:
    """A small tekken.json with all the control tokens that there are."""
    contents = [bytes([byte]) for byte in range(256)] + [word.encode() for word in ("he", "ll", "hell", "é", " a")]
    control = [token.value for token in SpecialTokens]
    return {
        "config": {
            "pattern": PRETOKENIZERS["tekken"].patterns[0],
            "num_vocab_tokens": len(contents),
            "default_vocab_size": len(contents) + len(control),
            "default_num_special_tokens": len(control),
            "version": version,
        },
        "vocab": [
            {"rank": rank, "token_bytes": b64encode(content).decode(), "token_str": None}
            for rank, content in enumerate(contents)
        ],
        "special_tokens": [
            {"rank": rank, "token_str": spelling, "is_control": True} for rank, spelling in enumerate(control)
        ],
    }
