"""Tensors of a file -> matrices in the form that the kernels read.

Exact for the types that are groups of 32 (or of 256 cut into 32) with up to 8 bits a weight: Q4_0, Q4_1, Q5_0, Q5_1,
Q8_0, Q4_K, Q5_K, but for the last bits of 4-bit weights' scales, see whole_scales.py. Every other type goes through
float32 to 8 bits in groups of 32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from galerne.errors import BadFile
from galerne.kernels.native.forms import BLOCK_OUT, GROUP, MIDDLE, Q4_MINIMUM, Q4_OFFSET, Q8_MINIMUM, Q8_OFFSET, Form
from galerne.kernels.native.memory import aligned
from galerne.kernels.native.whole_scales import whole_scales
from galerne.weights.tensor import Tensor

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

Room = Callable[[int, Any], NDArray[Any]]
"""(how many, of what type) -> zeroed memory for so many numbers, see memory.py."""

OUTPUTS_AT_ONCE = 512
"""Outputs that are converted together: bounds the memory that a large matrix takes on the way."""


@dataclass(frozen=True, slots=True)
class PackedMatrix:
    """Weights [outputs, inputs] in one form (see forms.py); outputs and inputs are padded with zeros."""

    form: Form
    outputs: int
    inputs: int
    weights: Bytes  # 64-byte aligned
    scales: NDArray[Any]  # [blocks, groups, 16]: float16, float32, or int16 with, in a last axis, the minima
    minima: NDArray[Any] | None  # as the scales, if these are not integers
    units: NDArray[np.float32] | None  # [blocks, 16], what integers are multiples of

    @property
    def blocks(self) -> int:
        return -(-self.outputs // BLOCK_OUT)

    @property
    def groups(self) -> int:
        return -(-self.inputs // GROUP)

    @property
    def nbytes(self) -> int:
        parts = (self.weights, self.scales, self.minima, self.units)
        return sum(part.nbytes for part in parts if part is not None)


@dataclass(frozen=True, slots=True)
class Pieces:
    """Some outputs of a tensor, on their way: what is stored, its scales and minima."""

    stored: Bytes  # [outputs, groups, 32] values; [outputs, groups, 16] where `nibbles` is already two a byte
    scales: NDArray[Any]  # [outputs, groups]
    minima: NDArray[Any] | None  # alike: what is added where `stored`, less the form's offset, is 0
    nibbles: bool = False  # byte i holds weight i in its low half and weight i + 16 in its high half


def pack_stack(tensors: Sequence[Tensor], room: Room = aligned) -> list[PackedMatrix]:
    """Weights stacked along their outputs: one matrix where they are of one type, else one for each."""
    if len({tensor.kind for tensor in tensors}) == 1:
        return [pack(tensors, room)]
    if any(tensor.shape[0] % BLOCK_OUT for tensor in tensors[:-1]):
        return [pack([_as_floats(tensor) for tensor in tensors], room)]
    return [pack([tensor], room) for tensor in tensors]


def _as_floats(tensor: Tensor) -> Tensor:
    data = np.ascontiguousarray(tensor.float32()).view(np.uint8).reshape(-1)
    return Tensor(tensor.name, tensor.shape, "F32", data)


def pack(tensors: Sequence[Tensor], room: Room = aligned) -> PackedMatrix:
    """Weights [out, in] of one type, stacked along out, in the form that suits the type.

    Raises `BadFile` for numbers that are not finite.
    """
    kind, inputs = tensors[0].kind, tensors[0].shape[1]
    if any(tensor.shape[0] % BLOCK_OUT for tensor in tensors[:-1]):
        rows = sum(tensor.shape[0] for tensor in tensors)
        tensors = [Tensor(tensors[0].name, (rows, inputs), kind, np.concatenate([t.data for t in tensors]))]
    outputs = sum(tensor.shape[0] for tensor in tensors)
    form, read = READERS.get(kind, (Q8_OFFSET, read_floats))
    if inputs % GROUP:
        form, read = Q8_OFFSET, read_floats
    matrix = _room_for(form, outputs, inputs, room)
    words = matrix.weights.view(np.uint32).reshape(matrix.blocks, matrix.groups, form.group_bytes // 64, BLOCK_OUT)
    first = 0
    for pieces in (piece for tensor in tensors for piece in _in_pieces(tensor, read)):
        last = first + -(-len(pieces.stored) // BLOCK_OUT)
        words[first:last] = _side_by_side(_nibbles(pieces) if form.nibbles else pieces.stored)
        scales = pieces.scales
        if matrix.units is not None:
            scales, units = whole_scales(scales, pieces.minima)
            matrix.units[first:last] = _blocks(units)
        elif matrix.minima is not None and pieces.minima is not None:
            matrix.minima[first:last] = _by_output(pieces.minima)
        matrix.scales[first:last] = _by_output(scales)
        first = last
    return matrix


def _room_for(form: Form, outputs: int, inputs: int, room: Room) -> PackedMatrix:
    """A matrix of zeros."""
    blocks, groups = -(-outputs // BLOCK_OUT), -(-inputs // GROUP)
    shape: tuple[int, ...] = (blocks, groups, BLOCK_OUT)
    number: Any = np.float32 if form.wide else np.float16
    if form.whole:
        shape, number = (*shape, 2) if form.minimum else shape, np.int16

    def numbers(shape: tuple[int, ...], of: Any) -> NDArray[Any]:
        return room(prod(shape), of).reshape(shape)

    return PackedMatrix(
        form,
        outputs,
        inputs,
        weights=room(blocks * groups * form.group_bytes, np.uint8),
        scales=numbers(shape, number),
        minima=numbers(shape, number) if form.minimum and not form.whole else None,
        units=numbers((blocks, BLOCK_OUT), np.float32) if form.whole else None,
    )


def _in_pieces(tensor: Tensor, read: Callable[[Tensor], Pieces]) -> Iterator[Pieces]:
    """A few hundred outputs at a time. A weight is finite if its scale and minimum are."""
    outputs = tensor.shape[0]
    row_bytes = tensor.data.size // outputs
    for first in range(0, outputs, OUTPUTS_AT_ONCE):
        last = min(first + OUTPUTS_AT_ONCE, outputs)
        some = tensor.data[first * row_bytes : last * row_bytes]
        pieces = read(Tensor(tensor.name, (last - first, tensor.shape[1]), tensor.kind, some))
        if not all(np.isfinite(x).all() for x in (pieces.scales, pieces.minima) if x is not None):
            raise BadFile("holds numbers that are not finite, or too large for 8 bits.", where=tensor.name)
        yield pieces


def _nibbles(pieces: Pieces) -> Bytes:
    if pieces.nibbles:
        return pieces.stored
    low, high = pieces.stored[..., :16], pieces.stored[..., 16:]
    packed: Bytes = low | np.left_shift(high, 4, dtype=np.uint8)
    return packed


def _side_by_side(stored: Bytes) -> NDArray[np.uint32]:
    """[outputs, groups, bytes] -> [blocks, groups, bytes / 4, 16] words of four bytes."""
    outputs, groups, size = stored.shape
    blocks = -(-outputs // BLOCK_OUT)
    if outputs % BLOCK_OUT:
        stored = np.concatenate([stored, np.zeros((blocks * BLOCK_OUT - outputs, groups, size), np.uint8)])
    words = np.ascontiguousarray(stored).view(np.uint32).reshape(blocks, BLOCK_OUT, groups, size // 4)
    return words.transpose(0, 2, 3, 1)


def _by_output(numbers: NDArray[Any]) -> NDArray[Any]:
    """[outputs, groups, ...] -> [blocks, groups, 16, ...]."""
    return np.moveaxis(_blocks(numbers), 1, 2)


def _blocks(numbers: NDArray[Any]) -> NDArray[Any]:
    """[outputs, ...] -> [blocks, 16, ...]."""
    missing = -len(numbers) % BLOCK_OUT
    if missing:
        numbers = np.concatenate([numbers, np.zeros((missing, *numbers.shape[1:]), numbers.dtype)])
    return numbers.reshape(-1, BLOCK_OUT, *numbers.shape[1:])


# Readers: one per type of tensor. Layouts of the types: ggml-common.h of the GGML project.


def _records(tensor: Tensor, fields: list[tuple[str, str, int]], group: int) -> NDArray[Any]:
    return tensor.data.view(np.dtype([(name, kind, (n,)) for name, kind, n in fields])).reshape(
        tensor.shape[0], tensor.shape[1] // group
    )


def read_q4_0(tensor: Tensor) -> Pieces:
    records = _records(tensor, [("d", "<f2", 1), ("q", "u1", 16)], 32)
    return Pieces(records["q"], records["d"][..., 0], None, nibbles=True)


def read_q4_1(tensor: Tensor) -> Pieces:
    records = _records(tensor, [("d", "<f2", 1), ("m", "<f2", 1), ("q", "u1", 16)], 32)
    scales, minima = (records[name][..., 0].astype(np.float32) for name in ("d", "m"))
    return Pieces(records["q"], scales, _from_the_middle(scales, minima), nibbles=True)


def _from_the_middle(scales: Floats, minima: Floats) -> NDArray[np.float64]:
    """What is added to a 4-bit weight that is 0 once 8 is subtracted. What is not finite stays that."""
    with np.errstate(invalid="ignore"):
        return minima + np.float64(MIDDLE) * scales


def _with_fifth_bit(low: Bytes, high: Bytes) -> Bytes:
    bits = np.unpackbits(high, axis=-1, bitorder="little")
    fifth: Bytes = np.concatenate([low & 15, low >> 4], axis=-1) | np.left_shift(bits, 4, dtype=np.uint8)
    return fifth


def read_q5_0(tensor: Tensor) -> Pieces:
    records = _records(tensor, [("d", "<f2", 1), ("h", "u1", 4), ("q", "u1", 16)], 32)
    scales = records["d"][..., 0].astype(np.float32)
    return Pieces(_with_fifth_bit(records["q"], records["h"]), scales, scales * np.float32(-16))


def read_q5_1(tensor: Tensor) -> Pieces:
    records = _records(tensor, [("d", "<f2", 1), ("m", "<f2", 1), ("h", "u1", 4), ("q", "u1", 16)], 32)
    scales, minima = (records[name][..., 0].astype(np.float32) for name in ("d", "m"))
    return Pieces(_with_fifth_bit(records["q"], records["h"]), scales, minima)


def read_q8_0(tensor: Tensor) -> Pieces:
    records = _records(tensor, [("d", "<f2", 1), ("q", "u1", 32)], 32)
    return Pieces(records["q"] ^ np.uint8(128), records["d"][..., 0], None)


def _six_bit_scales(packed: Bytes) -> tuple[Bytes, Bytes]:
    """K-quants' twelve bytes [..., 12] -> eight scales and eight minima of six bits [..., 8] each."""
    low, middle, high = packed[..., 0:4], packed[..., 4:8], packed[..., 8:12]
    scales = np.concatenate([low & 63, (high & 15) | ((low >> 6) << 4)], axis=-1)
    minima = np.concatenate([middle & 63, (high >> 4) | ((middle >> 6) << 4)], axis=-1)
    return scales, minima


def _k_nibbles(quants: Bytes) -> Bytes:
    """[..., 128] bytes -> [..., 8, 32]: 32 bytes hold one group in low halves, the next in high ones."""
    pairs = quants.reshape(*quants.shape[:-1], 4, 1, 32)
    halves: Bytes = np.concatenate([pairs & 15, pairs >> 4], axis=-2)
    return halves.reshape(*quants.shape[:-1], 8, 32)


def read_q4_k(tensor: Tensor) -> Pieces:
    fields = [("d", "<f2", 1), ("m", "<f2", 1), ("s", "u1", 12), ("q", "u1", 128)]
    records = _records(tensor, fields, 256)
    scales, minima = _k_scales(records)
    stored = _k_nibbles(records["q"]).reshape(*scales.shape, GROUP)
    return Pieces(stored, scales, _from_the_middle(scales, minima))


def _k_scales(records: NDArray[Any]) -> tuple[Floats, Floats]:
    """Scales and minima [outputs, groups] of the K types."""
    with np.errstate(invalid="ignore"):  # infinity times 0, which makes a scale that is refused
        scales, minima = (
            (records[name].astype(np.float32) * small).reshape(len(records), -1)
            for name, small in zip("dm", _six_bit_scales(records["s"]), strict=True)
        )
    return scales, -minima


def read_q5_k(tensor: Tensor) -> Pieces:
    fields = [("d", "<f2", 1), ("m", "<f2", 1), ("s", "u1", 12), ("h", "u1", 32), ("q", "u1", 128)]
    records = _records(tensor, fields, 256)
    scales, minima = _k_scales(records)
    bits = records["h"][..., None, :] >> np.arange(8, dtype=np.uint8)[:, None] & 1
    stored = _k_nibbles(records["q"]) | np.left_shift(bits, 4, dtype=np.uint8)
    return Pieces(stored.reshape(*scales.shape, GROUP), scales, minima)


def read_floats(tensor: Tensor) -> Pieces:
    """Any type, by way of float32: 8 bits in groups of 32. A number that is not finite makes such a scale."""
    outputs, inputs = tensor.shape
    padded = np.zeros((outputs, -(-inputs // GROUP) * GROUP), np.float32)
    padded[:, :inputs] = tensor.float32()
    groups = padded.reshape(outputs, -1, GROUP)
    largest = np.abs(groups).max(axis=-1)
    with np.errstate(over="ignore", invalid="ignore"):
        scales = (largest / np.float32(127)).astype(np.float16)
        scales = np.where((scales == 0) & (largest > 0), np.float16(6e-8), scales)
        step = np.where(scales > 0, scales, 1).astype(np.float32)[..., None]
        quants = np.clip(np.rint(groups / step), -127, 127).astype(np.int8)
    return Pieces(quants.view(np.uint8) ^ np.uint8(128), scales, None)


READERS: dict[str, tuple[Form, Callable[[Tensor], Pieces]]] = {
    "Q4_0": (Q4_OFFSET, read_q4_0),
    "Q4_1": (Q4_MINIMUM, read_q4_1),
    "Q5_0": (Q8_MINIMUM, read_q5_0),
    "Q5_1": (Q8_MINIMUM, read_q5_1),
    "Q8_0": (Q8_OFFSET, read_q8_0),
    "Q4_K": (Q4_MINIMUM, read_q4_k),
    "Q5_K": (Q8_MINIMUM, read_q5_k),
}
