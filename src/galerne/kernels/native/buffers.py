"""What a trace's instructions are made of: buffers that have no place in memory yet, and places in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from galerne.kernels.interface import Rope, Vector
from galerne.kernels.native.forms import ACTIVATIONS, GROUP
from galerne.kernels.native.record import ROWS_ALL, WHEN_ANY, Record


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """Memory for one result: `row_bytes` for each row of its kind."""

    rows: int  # ROWS_*
    row_bytes: int


@dataclass(frozen=True, slots=True)
class Floats:
    """Activations float32 [rows, width], or some columns of them."""

    buffer: Buffer
    width: int
    column: int = 0

    def place(self, name: str) -> dict[str, Any]:
        """An instruction's fields that say where these are."""
        return {name: Address(self.buffer, 4 * self.column), f"{name}_stride": self.buffer.row_bytes}


@dataclass(frozen=True, slots=True)
class Normed:
    """A norm that is computed together with the quantisation of what reads it."""

    x: Floats
    weight: Vector
    epsilon: float


@dataclass(frozen=True, slots=True)
class Gated:
    """SwiGLU, likewise."""

    gate_up: Floats


@dataclass(frozen=True, slots=True)
class Turned:
    """Heads whose rotation happens on their way to the cache."""

    x: Floats
    rope: Rope


@dataclass(frozen=True, slots=True)
class Address:
    """A place in a buffer, known once the buffers are laid out."""

    buffer: Buffer
    offset: int = 0


PARTIALS = Address(Buffer(ROWS_ALL, 0))
"""Where attention keeps partial results: outside of the buffers, as its size does not depend on the rows."""


@dataclass(slots=True)
class Instruction:
    """One instruction; addresses in buffers are still `Address`es."""

    record: Record
    opcode: str
    barrier: int
    rows: int
    values: dict[str, int | Address]
    when: int = WHEN_ANY

    @property
    def buffers(self) -> list[Buffer]:
        return [value.buffer for value in self.values.values() if isinstance(value, Address) and value is not PARTIALS]


@dataclass(slots=True)
class Quants:
    """Where quantised activations are."""

    rows: int  # ROWS_*
    groups: int
    buffers: dict[str, Buffer]  # of ACTIVATIONS
    bfloats: Buffer | None = None  # of prompts' rows

    def addresses(self, prefix: str = "") -> dict[str, int | Address]:
        places: dict[str, int | Address] = {prefix + name: Address(buffer) for name, buffer in self.buffers.items()}
        return places | ({"bfloats": Address(self.bfloats)} if self.bfloats is not None else {})


def new_floats(width: int, rows: int) -> Floats:
    return Floats(Buffer(rows, 4 * (-(-width // GROUP) * GROUP)), width)


def new_quants(groups: int, rows: int) -> Quants:
    return Quants(rows, groups, {name: Buffer(rows, size * groups) for name, size in ACTIVATIONS.items()})
