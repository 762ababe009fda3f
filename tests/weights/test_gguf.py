from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.weights.gguf_bytes import (
    ARRAY,
    BOOL,
    F32,
    FLOAT32,
    Q4_0,
    STRING,
    UINT32,
    array,
    info,
    pair,
    string,
    u32,
    u64,
)
from tests.weights.gguf_bytes import gguf as spell

from galerne.errors import BadFile, ModelNotFound, UnsupportedFile
from galerne.weights import open_checkpoint
from galerne.weights.checkpoint import Checkpoint

SPELLED = spell(
    [
        pair("general.architecture", STRING, string("llama")),
        pair("general.alignment", UINT32, u32(64)),
        pair("tokens", ARRAY, array(STRING, 3, string("a") + string("é") + string(""))),
        pair("nested", ARRAY, array(ARRAY, 2, array(UINT32, 2, u32(1) + u32(2)) + array(BOOL, 1, b"\x01"))),
        pair("scores", ARRAY, array(FLOAT32, 2, np.array([0.5, -1], "<f4").tobytes())),
    ],
    [info("a", (2, 3)), info("b", (2, 32), Q4_0, 64)],
    np.arange(6, dtype="<f4").tobytes() + bytes(40) + bytes(range(36)),
    alignment=64,
)


def opened(path: Path, content: bytes) -> Checkpoint:
    path.write_bytes(content)
    return open_checkpoint(path)


def test_a_spelled_out_file_reads_as_it_was_written(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path / "m.gguf", SPELLED)
    assert checkpoint.format == "gguf"
    assert checkpoint.files == (tmp_path / "m.gguf",)
    assert checkpoint.metadata == {
        "general.architecture": "llama",
        "general.alignment": 64,
        "tokens": ["a", "é", ""],
        "nested": [[1, 2], [True]],
        "scores": [0.5, -1.0],
    }
    assert checkpoint.tensors["a"].shape == (2, 3)
    assert checkpoint.tensors["a"].float32().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert checkpoint.tensors["b"].kind == "Q4_0"
    assert bytes(checkpoint.tensors["b"].data) == bytes(range(36))


def test_what_the_reference_writer_writes_reads_the_same(tmp_path: Path) -> None:
    """Every scalar type, arrays, and tensors of several types, from the format's own package."""
    path, random = tmp_path / "m.gguf", np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "qwen2")
    values = {
        "u8": 200,
        "i8": -5,
        "u16": 60000,
        "i16": -3,
        "u32": 4_000_000_000,
        "i32": -7,
        "u64": 2**60,
        "i64": -(2**60),
    }
    adders = {
        "u8": writer.add_uint8, "i8": writer.add_int8, "u16": writer.add_uint16, "i16": writer.add_int16,
        "u32": writer.add_uint32, "i32": writer.add_int32, "u64": writer.add_uint64, "i64": writer.add_int64,
    }  # fmt: skip
    for key, value in values.items():
        adders[key](key, value)
    writer.add_float32("f32", 0.25)
    writer.add_float64("f64", 1e300)
    writer.add_bool("yes", True)
    writer.add_array("words", ["le", "vent"])
    matrix = random.standard_normal((8, 64)).astype(np.float32)
    stack = random.standard_normal((2, 4, 32)).astype(np.float16)
    writer.add_tensor("matrix", matrix)
    writer.add_tensor("stack", stack)
    packed = gguf.quantize(matrix, gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("packed", packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    checkpoint = open_checkpoint(path)
    expected = values | {"f32": 0.25, "f64": 1e300, "yes": True, "words": ["le", "vent"]}
    assert expected.items() <= checkpoint.metadata.items()
    assert np.array_equal(checkpoint.tensors["matrix"].float32(), matrix)
    assert np.array_equal(checkpoint.tensors["stack"].float32(), stack)
    assert np.array_equal(checkpoint.tensors["stack"][1].float32(), stack[1])
    assert np.array_equal(
        checkpoint.tensors["packed"].float32(), gguf.dequantize(packed, gguf.GGMLQuantizationType.Q8_0)
    )


def test_the_default_model_reads_as_the_reference_reads_it(default_model: Path) -> None:
    checkpoint, reference = open_checkpoint(default_model), gguf.GGUFReader(default_model)
    fields = {key: field.contents() for key, field in reference.fields.items() if not key.startswith("GGUF.")}
    assert checkpoint.metadata == fields
    assert list(checkpoint.tensors) == [tensor.name for tensor in reference.tensors]
    for tensor in reference.tensors:
        ours = checkpoint.tensors[tensor.name]
        assert ours.shape == tuple(reversed(tensor.shape.tolist()))
        assert ours.kind == tensor.tensor_type.name
        assert np.array_equal(ours.data, tensor.data.reshape(-1).view(np.uint8))


def test_version_2_reads_as_version_3(tmp_path: Path) -> None:
    assert opened(tmp_path / "m.gguf", spell(version=2)).tensors == {}


ONE = [info("a", (2, 3))]
DATA = bytes(24)
LIES = {
    "another format": (b"PK\x03\x04" + bytes(60), BadFile, "does not begin with the letters GGUF"),
    "version 1": (spell(version=1), UnsupportedFile, "version 1"),
    "version 4": (spell(version=4), UnsupportedFile, "version 4"),
    "big-endian": (spell(version=3 << 24), UnsupportedFile, "big-endian"),
    "cut in the header": (SPELLED[:100], BadFile, "in the middle of its header"),
    "cut in the data": (SPELLED[:-1], BadFile, "tensor 'b'.* truncated or lying"),
    "2^60 tensors": (spell(counts=(2**60, 0)), BadFile, "claims 1152921504606846976 tensors"),
    "2^60 keys": (spell(counts=(0, 2**60)), BadFile, "claims 1152921504606846976 keys"),
    "a key more than there is": (spell(counts=(0, 1)), BadFile, "middle of its header"),
    "a key twice": (spell([pair("k", UINT32, u32(1))] * 2), BadFile, "key 'k': is there twice"),
    "a key's length": (spell([u64(2**40)]), BadFile, "key 0.*string of 1099511627776 bytes"),
    "a key that is not UTF-8": (spell([pair(b"\xff\xfe", UINT32, u32(1))]), BadFile, "not UTF-8"),
    "a string's length": (spell([pair("k", STRING, u64(2**24 + 1))]), BadFile, "key 'k'.*string of"),
    "a value's type": (spell([pair("k", 13, u64(0))]), BadFile, "key 'k'.*type 13"),
    "an array's type": (spell([pair("k", ARRAY, array(99, 1, b""))]), BadFile, "key 'k'.*type 99"),
    "an array of 2^60": (spell([pair("k", ARRAY, array(UINT32, 2**60, b""))]), BadFile, "claims an array of"),
    "an array beyond the end": (spell([pair("k", ARRAY, array(UINT32, 1000, b""))]), BadFile, "room for"),
    "arrays in arrays": (spell([pair("k", ARRAY, array(ARRAY, 1, b"") * 9)]), BadFile, "more than 4 deep"),
    "a boolean of 2": (spell([pair("k", BOOL, b"\x02")]), BadFile, "neither 0 nor 1"),
    "an alignment of 0": (spell([pair("general.alignment", UINT32, u32(0))]), BadFile, "general.alignment.*is 0"),
    "an alignment of 48": (spell([pair("general.alignment", UINT32, u32(48))]), BadFile, "general.alignment.*is 48"),
    "an alignment of text": (spell([pair("general.alignment", STRING, string("x"))]), BadFile, "whole number"),
    "a part of a split file": (spell([pair("split.count", UINT32, u32(3))]), UnsupportedFile, "one of 3 parts"),
    "no dimensions": (spell(infos=[info("a", ())], data=DATA), BadFile, "tensor 'a'.*0 dimensions"),
    "five dimensions": (spell(infos=[info("a", (1,) * 5)], data=DATA), BadFile, "5 dimensions"),
    "an empty tensor": (spell(infos=[info("a", (0, 3))], data=DATA), BadFile, "is empty"),
    "2^63 rows": (spell(infos=[info("a", (2**63, 2**63))], data=DATA), BadFile, "truncated or lying"),
    "half a block": (spell(infos=[info("a", (33,), Q4_0)], data=DATA), BadFile, "blocks of 32"),
    "an unknown type": (spell(infos=[info("a", (2,), 77)], data=DATA), UnsupportedFile, "tensor 'a'.*type 77"),
    "a type that is no weights": (spell(infos=[info("a", (2,), 26)], data=DATA), UnsupportedFile, "tensor 'a'.*I32"),
    "an offset far away": (spell(infos=[info("a", (2, 3), F32, 2**62)], data=DATA), BadFile, "truncated or lying"),
    "an unaligned offset": (spell(infos=[info("a", (1,), F32, 4)], data=DATA), BadFile, "multiple of the alignment"),
    "a tensor twice": (spell(infos=ONE * 2, data=DATA), BadFile, "tensor 'a': is there twice"),
    "tensors on each other": (spell(infos=[*ONE, info("b", (1,))], data=DATA), BadFile, "overlaps tensor"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lying_file_is_refused_by_name_and_place(name: str, tmp_path: Path) -> None:
    content, kind, message = LIES[name]
    path = tmp_path / "liar.gguf"
    with pytest.raises(kind, match=f"liar.gguf.*{message}") as caught:
        opened(path, content)
    assert type(caught.value) is kind


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="no such file"):
        open_checkpoint(tmp_path / "none.gguf")
    with pytest.raises(BadFile, match="empty"):
        opened(tmp_path / "empty.gguf", b"")
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(BadFile, match="not a regular file"):  # and does not wait for somebody to write
        open_checkpoint(tmp_path / "pipe.gguf")


def outcome(path: Path, content: bytes) -> None:
    """Open and use whatever is there: a checkpoint that works or `BadFile`, in memory bounded by the file's size."""
    path.write_bytes(content)
    said = str(path)
    tracemalloc.start()
    try:
        for tensor in open_checkpoint(path).tensors.values():
            tensor.float32()
    except BadFile as error:
        said = str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert str(path) in said
    assert peak < 4_000_000


@settings(max_examples=300)
@given(st.data())
def test_flipped_bits_never_surprise(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(SPELLED)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    outcome(tmp_path_factory.getbasetemp() / "flipped.gguf", bytes(content))


@settings(max_examples=200)
@given(st.data())
def test_wrong_numbers_never_surprise(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Where a count, a length or an offset may stand, another number: large, negative, one off."""
    content = bytearray(SPELLED)
    place = data.draw(st.integers(4, len(content) - 8))
    width = data.draw(st.sampled_from([4, 8]))
    number = data.draw(
        st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]))
    )
    content[place : place + width] = number.to_bytes(8, "little")[:width]
    outcome(tmp_path_factory.getbasetemp() / "numbers.gguf", bytes(content))


@settings(max_examples=100)
@given(st.integers(0, len(SPELLED) - 1))
def test_a_file_that_ends_early_is_refused(tmp_path_factory: pytest.TempPathFactory, end: int) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.gguf"
    with pytest.raises(BadFile):
        opened(path, SPELLED[:end])


@given(st.binary(max_size=400))
def test_noise_after_the_magic_never_surprises(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    outcome(tmp_path_factory.getbasetemp() / "noise.gguf", b"GGUF" + u32(3) + noise)
