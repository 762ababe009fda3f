from __future__ import annotations

import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from galerne.errors import BadFile, ModelNotFound, UnsupportedFile
from galerne.weights import open_checkpoint


def spelled(header: bytes | Mapping[str, Any], data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def tensor(kind: str = "F32", shape: Any = (2, 3), offsets: Any = (0, 24), **more: Any) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": offsets, **more}


def folder(path: Path, content: bytes, config: bytes = b"{}") -> Path:
    (path / "config.json").write_bytes(config)
    (path / "model.safetensors").write_bytes(content)
    return path


def test_one_file_reads_as_it_was_saved(tmp_path: Path) -> None:
    torch.manual_seed(1)
    saved = {
        "full": torch.randn(3, 4),
        "half": torch.randn(2, 8).half(),
        "brain": torch.randn(5, dtype=torch.bfloat16),
        "scalar": torch.tensor(1.5),
    }
    save_file(saved, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.format == "safetensors"
    assert checkpoint.metadata == {"model_type": "llama"}
    assert {name: tensor.kind for name, tensor in checkpoint.tensors.items()} == {
        "full": "F32", "half": "F16", "brain": "BF16", "scalar": "F32",
    }  # fmt: skip
    for name, values in saved.items():
        assert checkpoint.tensors[name].shape == tuple(values.shape)
        np.testing.assert_array_equal(checkpoint.tensors[name].float32(), values.float().numpy())


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    save_file({"a": torch.ones(2)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": torch.zeros(3)}, tmp_path / "model-00002-of-00002.safetensors")
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def index(folder: Path, places: Any) -> Path:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return folder


PLACES = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}


def test_several_files_read_as_one(shards: Path) -> None:
    (shards / "tokenizer.json").write_text("{}")
    (shards / "notes.txt").write_text("not part of the model")
    checkpoint = open_checkpoint(index(shards, PLACES))
    assert checkpoint.tensors["a"].float32().tolist() == [1, 1]
    assert checkpoint.tensors["b"].float32().tolist() == [0, 0, 0]
    assert [file.name for file in checkpoint.files] == [
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
    ]


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (PLACES | {"c": PLACES["b"]}, "tensor 'c': does not agree"),
        ({"a": PLACES["a"]} | {"c": PLACES["b"]}, "tensor 'b': does not agree"),
        (PLACES | {"c": "model-3.safetensors"}, "model-3.safetensors: is missing"),
        ({"a": "../model.safetensors"}, "tensor 'a'.*no safetensors file of this folder"),
        ({"a": "/etc/passwd"}, "tensor 'a'.*no safetensors file of this folder"),
        ({"a": "sub/model.safetensors"}, "tensor 'a'.*no safetensors file of this folder"),
        ({"a": "x\0.safetensors"}, "tensor 'a'.*no safetensors file of this folder"),
        ({"a": "x" * 300 + ".safetensors"}, "tensor 'a'.*no safetensors file of this folder"),
        ({"a": "pytorch_model.bin"}, "tensor 'a'.*no safetensors file of this folder"),
        ({"a": 7}, "tensor 'a'.*no safetensors file of this folder"),
        ({f"t{n}": f"m{n}.safetensors" for n in range(2000)}, "names 2000 files"),
        ({str(n): PLACES["a"] for n in range(70_000)}, "names 70000 tensors"),
        ({}, "weight_map: names no tensors"),
        ([], "weight_map: names no tensors"),
    ],
)
def test_a_lying_index_is_refused(places: Any, message: str, shards: Path) -> None:
    with pytest.raises(BadFile, match=message):
        open_checkpoint(index(shards, places))


DATA = bytes(24)
LIES = {
    "too short": (b"\x01\x02", BadFile, "too short"),
    "a header of 2^60": (spelled(b"", length=2**60), BadFile, "header of 1152921504606846976 bytes"),
    "a large header": (spelled(b" " * ((1 << 24) + 1)), BadFile, "at most 16777216"),
    "not JSON": (spelled(b"{]"), BadFile, "header: is not JSON"),
    "not UTF-8": (spelled(b'{"\xff": 1}'), BadFile, "header: is not JSON"),
    "deep": (spelled(b'{"a":' + b"[" * 100_000), BadFile, "nested too deep|is not JSON"),
    "brackets": (spelled(b"[" + b"[]," * 1_100_000), BadFile, "lists, objects and keys"),
    "digits": (spelled(b'{"a":' + b"9" * 5000 + b"}"), BadFile, "is not JSON"),
    "a list": (spelled(b"[]"), BadFile, "is not a JSON object"),
    "a key twice": (spelled(b'{"a": 1, "a": 2}'), BadFile, "'a' is there twice"),
    "no dtype": (spelled({"a": {"shape": [1], "data_offsets": [0, 4]}}, bytes(4)), BadFile, "tensor 'a'.*described"),
    "one field more": (spelled({"a": tensor(more=1)}, DATA), BadFile, "tensor 'a'.*described"),
    "a dtype of numbers": (spelled({"a": tensor(7)}, DATA), BadFile, "tensor 'a'.*no dtype"),
    "eight bits": (spelled({"a": tensor("F8_E4M3")}, DATA), UnsupportedFile, "tensor 'a'.*F8_E4M3"),
    "integers": (spelled({"a": tensor("I64")}, DATA), UnsupportedFile, "tensor 'a'.*I64"),
    "a negative shape": (spelled({"a": tensor(shape=[-2, -3])}, DATA), BadFile, "no possible shape"),
    "a shape of text": (spelled({"a": tensor(shape="23")}, DATA), BadFile, "no possible shape"),
    "a shape of truth": (spelled({"a": tensor(shape=[True, 6])}, DATA), BadFile, "no possible shape"),
    "a shape of halves": (spelled({"a": tensor(shape=[1.5, 4])}, DATA), BadFile, "no possible shape"),
    "nine dimensions": (spelled({"a": tensor(shape=[1] * 8 + [6])}, DATA), BadFile, "no possible shape"),
    "nothing": (spelled({"a": tensor(shape=[0], offsets=[0, 0])}), BadFile, "no possible shape"),
    "one offset": (spelled({"a": tensor(offsets=[24])}, DATA), BadFile, "no possible data_offsets"),
    "offsets turned round": (spelled({"a": tensor(offsets=[24, 0])}, DATA), BadFile, "has -24 bytes"),
    "too few bytes": (spelled({"a": tensor(offsets=[0, 20])}, DATA), BadFile, "has 20 bytes"),
    "2^62 rows": (spelled({"a": tensor(shape=[2**62, 2**62])}, DATA), BadFile, "not what F32"),
    "cut": (spelled({"a": tensor()}, DATA[:-1]), BadFile, "tensor 'a': ends at byte 24 of the data, which has 23"),
    "bytes at the end": (spelled({"a": tensor()}, DATA + b"x"), BadFile, "1 bytes after its last tensor"),
    "on each other": (spelled({"a": tensor(), "b": tensor()}, DATA), BadFile, "tensor 'b': overlaps another"),
    "a hole": (spelled({"a": tensor(offsets=[8, 32])}, DATA + bytes(8)), BadFile, "leaves a hole"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lying_file_is_refused_by_name_and_place(name: str, tmp_path: Path) -> None:
    content, kind, message = LIES[name]
    with pytest.raises(kind, match=f"model.safetensors.*({message})") as caught:
        open_checkpoint(folder(tmp_path, content))
    assert type(caught.value) is kind


def test_what_is_no_model_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"no config\.json"):
        open_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(BadFile, match=r"config\.json: is not a JSON object"):
        open_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadFile, match=r"model\.safetensors: is missing"):
        open_checkpoint(tmp_path)
    (tmp_path / "consolidated.safetensors").write_bytes(b"")
    with pytest.raises(UnsupportedFile, match="consolidated weights only"):
        open_checkpoint(tmp_path)
    with pytest.raises(UnsupportedFile, match="Give the folder"):
        open_checkpoint(tmp_path / "consolidated.safetensors")


VALID = spelled(
    {"__metadata__": {"format": "pt"}, "a": tensor(), "b": tensor("BF16", (4,), (24, 32))}, bytes(range(32))
)


@settings(max_examples=300)
@given(st.data())
def test_changed_bytes_never_surprise(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Cut, flipped, or with characters of JSON in the wrong places: a checkpoint that works, or `BadFile`."""
    content = bytearray(VALID)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.one_of(st.sampled_from(b'{}[],:"0129-e'), st.integers(0, 255)))
    path = tmp_path_factory.getbasetemp() / "changed"
    path.mkdir(exist_ok=True)
    folder(path, bytes(content[: data.draw(st.integers(0, len(content)))]))
    said = str(path)
    tracemalloc.start()
    try:
        for each in open_checkpoint(path).tensors.values():
            each.float32()
    except BadFile as error:
        said = str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert str(path) in said
    assert peak < 4_000_000
