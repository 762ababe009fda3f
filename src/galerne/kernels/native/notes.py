"""Writes instructions down, and what they need: buffers, constants, quantised activations."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.native.buffers import Address, Buffer, Floats, Gated, Instruction, Normed, Quants, new_quants
from galerne.kernels.native.forms import BLOCK_OUT, GROUP, STORED
from galerne.kernels.native.gated import FORMS, GATED
from galerne.kernels.native.memory import aligned
from galerne.kernels.native.pack import PackedMatrix
from galerne.kernels.native.product import PRODUCT
from galerne.kernels.native.quantise import INPUT_NORM, INPUT_PLAIN, INPUT_SWIGLU, QUANTISE
from galerne.kernels.native.record import (
    BARRIER_ALWAYS,
    BARRIER_IF_SHARED,
    ROWS_ALL,
    WHEN_ANY,
    WHEN_FEW,
    WHEN_MANY,
    Record,
)


@dataclass(slots=True)
class Notes:
    """The instructions so far. What their addresses point at is kept as long as this is."""

    threads: int
    prompts_apart: bool  # prompts' rows are computed in bfloat16
    instructions: list[Instruction] = field(default_factory=list)
    keep: list[object] = field(default_factory=list)  # what instructions point at
    widest: int = GROUP  # inputs of the widest product

    def quantise(self, x: Floats | Normed | Gated, *, private: bool, floats: Floats | None = None) -> Quants:
        """x in 8 bits, computed first where it is a norm or SwiGLU. `floats`: where it goes in float32, too."""
        kind, source, width = INPUT_PLAIN, x, 0
        values: dict[str, Any] = {}
        if isinstance(x, Normed):
            kind, source = INPUT_NORM, x.x
            padded = -(-source.width // GROUP) * GROUP
            values |= {"weight": self.constant(x.weight, padded), "epsilon": float_bits(x.epsilon)}
        elif isinstance(x, Gated):
            kind, source = INPUT_SWIGLU, x.gate_up
            width = source.width // 2
            values |= {"up": 4 * width}
        assert isinstance(source, Floats)
        width = width or source.width
        quants = new_quants(-(-width // GROUP), source.buffer.rows)
        self.widest = max(self.widest, width)
        if private and self.prompts_apart and source.buffer.rows == ROWS_ALL:
            quants.bfloats = Buffer(ROWS_ALL, 2 * GROUP * quants.groups)
        if floats is not None:
            values |= floats.place("floats")
        values |= {"input": kind, "width": width, "groups": quants.groups, "private": int(private)}
        barrier = BARRIER_IF_SHARED if private else BARRIER_ALWAYS
        place = source.place("x")
        when = WHEN_FEW if isinstance(x, Gated) and self._gate(x.gate_up, quants) else WHEN_ANY
        values |= place | quants.addresses()
        self.emit(QUANTISE, "quantise", barrier, source.buffer.rows, **values).when = when
        return quants

    def _gate(self, gate_up: Floats, to: Quants) -> bool:
        """Have the product that gives gate and up gated, and quantised, where rows are many; False if it cannot be."""
        product = self.instructions[-1]
        whole = gate_up.width % (2 * GROUP) == 0 and product.values.get("blocks") == gate_up.width // BLOCK_OUT
        if product.record is not PRODUCT or not whole or "bias" in product.values or to.bfloats is not None:
            return False
        if product.values["form"] not in FORMS:
            return False
        product.when = WHEN_FEW
        known = {name: value for name, value in product.values.items() if name in GATED.fields}
        values = known | to.addresses("to_") | {"pairs": to.groups}
        self.emit(GATED, "gated", BARRIER_ALWAYS, product.rows, **values).when = WHEN_MANY
        return True

    def emit(self, record: Record, opcode: str, barrier: int, rows: int, **values: int | Address) -> Instruction:
        """Add an instruction, and return it; fields that are not named are 0."""
        self.instructions.append(Instruction(record, opcode, barrier, rows, values))
        return self.instructions[-1]

    def matrix(self, matrix: PackedMatrix) -> dict[str, int]:
        """An instruction's fields that say where the weights are."""
        self.keep.append(matrix)
        return {
            "form": STORED.index(matrix.form),
            "groups": matrix.groups,
            "weights": matrix.weights.ctypes.data,
            "weight_scales": matrix.scales.ctypes.data,
            "weight_minima": 0 if matrix.minima is None else matrix.minima.ctypes.data,
            "weight_units": 0 if matrix.units is None else matrix.units.ctypes.data,
        }

    def constant(self, numbers: NDArray[np.float32], size: int) -> int:
        """The address of a copy, zeros beyond it up to `size` numbers."""
        copy = aligned(size, np.float32)
        copy[: numbers.size] = numbers.reshape(-1)
        self.keep.append(copy)
        return copy.ctypes.data

    def chunk(self, blocks: int) -> int:
        """Blocks that a thread takes at a time: as many as leave all threads the same to do."""
        for chunk in (8, 6, 4):
            turns = -(-blocks // (chunk * self.threads))
            if turns * chunk * self.threads <= 1.03 * blocks:
                return chunk
        return 2


def float_bits(number: float) -> int:
    """A float32 as an instruction's field."""
    return int(struct.unpack("<i", struct.pack("<f", number))[0])
