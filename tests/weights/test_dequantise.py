from __future__ import annotations

import re
from pathlib import Path

import gguf
import numpy as np
import pytest

from galerne.weights import dequantise
from galerne.weights.kinds import BY_NAME, KINDS, UNREADABLE
from galerne.weights.tensor import Tensor

TYPES = gguf.GGMLQuantizationType


def test_the_table_of_types_is_the_format_s() -> None:
    assert {kind.name: kind.number for kind in KINDS} | {name: number for number, name in UNREADABLE.items()} == {
        kind.name: kind.value for kind in TYPES
    }
    for kind in KINDS:
        assert (kind.elements, kind.size) == gguf.GGML_QUANT_SIZES[TYPES(kind.number)]


def test_the_guide_names_every_type() -> None:
    guide = (Path(__file__).parents[2] / "docs/guide/models.md").read_text()
    assert [name for name in BY_NAME if not re.search(rf"\b{name}\b", guide)] == []


@pytest.mark.parametrize("number", UNREADABLE)
def test_what_is_called_unreadable_has_no_way_back(number: int) -> None:
    block, size = gguf.GGML_QUANT_SIZES[TYPES(number)]
    assert block
    with pytest.raises(NotImplementedError):
        gguf.dequantize(np.zeros((1, size), np.uint8), TYPES(number))


@pytest.mark.parametrize("name", BY_NAME)
def test_every_type_comes_back_as_the_reference_has_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On random bytes, so also with scales that are infinite or no numbers, and in chunks that do not divide evenly."""
    monkeypatch.setattr(dequantise, "CHUNK", 3 * BY_NAME[name].elements)
    kind, rows, blocks = BY_NAME[name], 7, 2
    data = np.random.default_rng(kind.number).integers(0, 256, rows * blocks * kind.size, np.uint8)
    tensor = Tensor("t", (rows, blocks * kind.elements), name, data)
    with np.errstate(all="ignore"):
        expected = gguf.dequantize(data.reshape(rows, -1), TYPES(kind.number))
    numbers = tensor.float32()
    assert numbers.shape == tensor.shape
    assert numbers.dtype == np.float32
    np.testing.assert_array_equal(numbers, expected)
    np.testing.assert_array_equal(tensor[3].float32(), expected[3])


def test_float32_is_a_view_where_it_can_be() -> None:
    data = np.arange(8, dtype=np.float32).view(np.uint8)
    assert np.shares_memory(Tensor("t", (2, 4), "F32", data).float32(), data)
    crooked = np.concatenate([np.zeros(1, np.uint8), data])[1:]
    numbers = Tensor("t", (2, 4), "F32", crooked).float32()
    assert numbers.flags.aligned
    assert numbers.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
