"""Which of a folder's files say how to tokenize and how to converse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.prompt.vocabularies import CONTROL, bpe_metadata, tekken
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models

from galerne.errors import BadFile, ModelNotFound, UnsupportedFile
from galerne.prompt import open_template, open_tokenizer
from galerne.prompt.chosen import mistral_file, template_text
from galerne.prompt.mistral import MistralTemplate, MistralTokens
from galerne.prompt.template import JinjaTemplate, NoTemplate
from galerne.settings import Settings
from galerne.weights.checkpoint import Checkpoint

SETTINGS = Settings()


def folder(path: Path, config: dict[str, Any] | None = None, **files: Any) -> Checkpoint:
    """A folder of these files, their names' dots spelled as two underlines."""
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (path / name.replace("__", ".")).write_text(text)
    return Checkpoint(path, "safetensors", config or {}, {}, ())


def gguf(metadata: dict[str, Any]) -> Checkpoint:
    return Checkpoint(Path("m.gguf"), "gguf", metadata, {}, ())


@pytest.mark.parametrize(
    ("files", "model_type", "chosen"),
    [
        (["tokenizer.json"], "mistral", None),
        (["tokenizer.json", "tokenizer.model.v3", "tekken.json"], "mistral", "tekken.json"),
        (["tokenizer.json", "tokenizer.model", "tokenizer.model.v3"], "mistral", "tokenizer.model.v3"),
        (["tokenizer.model.v3", "tokenizer.model.v7", "tokenizer.model.v11"], "mistral", "tokenizer.model.v11"),
        (["tokenizer.model.v7", "tokenizer.model.v7m1"], "mistral", "tokenizer.model.v7m1"),
        (["tokenizer.model.very-old"], "mistral", None),
        (["tokenizer.model"], "mixtral", "tokenizer.model"),
        (["tokenizer.model", "tokenizer.json"], "mistral", None),
        (["tokenizer.model"], "llama", None),
        ([], "mistral", None),
    ],
)
def test_mistrals_own_file_comes_first(files: list[str], model_type: str, chosen: str | None, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert mistral_file(tmp_path, {"model_type": model_type}) == (tmp_path / chosen if chosen else None)


NAMED = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "plain"}]


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, None),
        ({"tokenizer_config__json": {}}, None),
        ({"tokenizer_config__json": {"chat_template": ""}}, None),
        ({"tokenizer_config__json": {"chat_template": "a"}}, "a"),
        ({"tokenizer_config__json": {"chat_template": NAMED}}, "plain"),
        ({"tokenizer_config__json": {"chat_template": NAMED[:1]}}, None),
        ({"tokenizer_config__json": {"chat_template": ["x", {"name": "default"}]}}, None),
        ({"tokenizer_config__json": {"chat_template": "a"}, "chat_template__json": {"chat_template": "b"}}, "b"),
        ({"chat_template__json": {"chat_template": "b"}, "chat_template__jinja": "é"}, "é"),
    ],
)
def test_a_folders_template(files: dict[str, Any], text: str | None, tmp_path: Path) -> None:
    assert template_text(folder(tmp_path, **files)) == text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("chat_template.jinja", b"\xff", "chat_template.jinja: the chat template is not UTF-8"),
        ("chat_template.jinja", b"a" * (2**20 + 1), "chat_template.jinja: has 1048577 bytes"),
        ("chat_template.json", b"{", "chat_template.json: is not JSON"),
        ("tokenizer_config.json", b'{"chat_template": 3}', "tokenizer_config.json: the chat template is not a text"),
        (
            "tokenizer_config.json",
            b'{"chat_template": "' + b"a" * (2**20 + 1) + b'"}',
            "the chat template has more than 1048576 characters",
        ),
    ],
)
def test_a_bad_template_is_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadFile, match=message):
        template_text(folder(tmp_path))


def test_a_gguf_files_template() -> None:
    assert template_text(gguf({})) is None
    assert template_text(gguf({"tokenizer.chat_template": "a"})) == "a"
    with pytest.raises(BadFile, match=r"m\.gguf: the chat template is not a text"):
        template_text(gguf({"tokenizer.chat_template": ["a"]}))


def test_a_gguf_file_is_opened_as_it_says() -> None:
    checkpoint = gguf(bpe_metadata([*CONTROL, "a"], []) | {"tokenizer.chat_template": "{{ bos_token }}"})
    tokenizer = open_tokenizer(checkpoint)
    assert tokenizer.encode("a") == [3]
    assert isinstance(open_template(checkpoint, tokenizer, SETTINGS), JinjaTemplate)
    assert isinstance(open_template(gguf({}), tokenizer, SETTINGS), NoTemplate)


@pytest.mark.parametrize("kind", ["t5", None, 3, ["gpt2"]])
def test_an_unknown_vocabulary_is_refused(kind: Any) -> None:
    with pytest.raises(UnsupportedFile, match=r"m\.gguf: tokenizer\.ggml\.model: the vocabulary .* is not known"):
        open_tokenizer(gguf({"tokenizer.ggml.model": kind}))


def test_a_folder_of_mistrals_is_opened_by_its_own_file(tmp_path: Path) -> None:
    checkpoint = folder(tmp_path, tekken__json=tekken("v7"), chat_template__jinja="ignored")
    tokenizer = open_tokenizer(checkpoint)
    assert isinstance(tokenizer, MistralTokens)
    assert isinstance(open_template(checkpoint, tokenizer, SETTINGS), MistralTemplate)


def test_another_folder_is_opened_by_its_tokenizer_json(tmp_path: Path) -> None:
    library = Library(models.BPE({"a": 0}, []))
    library.decoder = decoders.ByteLevel()
    checkpoint = folder(tmp_path, tokenizer__json=library.to_str(), chat_template__jinja="{{ messages }}")
    tokenizer = open_tokenizer(checkpoint)
    assert tokenizer.encode("aa") == [0, 0]
    assert isinstance(open_template(checkpoint, tokenizer, SETTINGS), JinjaTemplate)


def test_a_folder_without_a_tokenizer_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="there is no such file"):
        open_tokenizer(folder(tmp_path))
