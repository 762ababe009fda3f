"""Writes down what a forward function asks for, as instructions over buffers that have no place in memory yet."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from galerne.errors import UnsupportedFile
from galerne.kernels.interface import Attention, Rope, Vector
from galerne.kernels.native import mixture as experts
from galerne.kernels.native.attention import ATTENTION
from galerne.kernels.native.cache import CacheLayout
from galerne.kernels.native.forms import BLOCK_OUT, GROUP, STORED
from galerne.kernels.native.pack import PackedMatrix, aligned
from galerne.kernels.native.product import PRODUCT
from galerne.kernels.native.quantise import INPUT_NORM, INPUT_PLAIN, INPUT_SWIGLU, QUANTISE
from galerne.kernels.native.record import (
    BARRIER_ALWAYS,
    BARRIER_IF_MERGES,
    BARRIER_IF_SHARED,
    BARRIER_NEVER,
    ROWS_ALL,
    ROWS_OUTPUTS,
    ROWS_PAIRS,
    Record,
)
from galerne.kernels.native.rope import ROPE
from galerne.kernels.native.rows import EMBED, GATHER
from galerne.kernels.native.units import SPLIT_ROWS


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

    @property
    def buffers(self) -> list[Buffer]:
        return [value.buffer for value in self.values.values() if isinstance(value, Address) and value is not PARTIALS]


@dataclass(slots=True)
class Quants:
    """Where quantised activations are."""

    quants: Buffer
    scales: Buffer
    sums: Buffer
    scaled_sums: Buffer
    groups: int
    bfloats: Buffer | None = None  # of prompts' rows

    def addresses(self, prefix: str = "") -> dict[str, int | Address]:
        names = ("quants", "scales", "sums", "scaled_sums")
        places: dict[str, int | Address] = {prefix + name: Address(getattr(self, name)) for name in names}
        return places | ({"bfloats": Address(self.bfloats)} if self.bfloats is not None else {})


@dataclass(slots=True)
class Trace:
    """Fills `Operations` by taking notes."""

    layout: CacheLayout
    threads: int
    cache: int  # address of the key/value cache
    prompts_apart: bool  # prompts' rows are computed in bfloat16
    instructions: list[Instruction] = field(default_factory=list)
    vocabulary: int = 0
    rope_used: Rope | None = None
    group: int = 0  # heads that share a key/value head; 0: there is no attention
    experts_used: int = 0  # by each row; 0: there are none
    gathered: Floats | None = None  # what `outputs` gave
    keep: list[object] = field(default_factory=list)  # what instructions point at
    widest: int = GROUP  # inputs of the widest product

    def embed(self, table: Sequence[PackedMatrix]) -> Floats:
        (matrix,) = table
        self.vocabulary = matrix.outputs
        out = self._floats(matrix.groups * GROUP, ROWS_ALL)
        self._emit(EMBED, "embed", BARRIER_ALWAYS, ROWS_ALL, **self._out(out), **self._matrix(matrix))
        return Floats(out.buffer, matrix.inputs)

    def rms_norm(self, x: Floats, weight: Vector, epsilon: float) -> Normed:
        return Normed(x, weight, epsilon)

    def swiglu(self, gate_up: Floats) -> Gated:
        return Gated(gate_up)

    def rope(self, x: Floats, heads: int, rope: Rope) -> Turned:  # noqa: ARG002 - attention knows the heads
        return Turned(x, rope)

    def split(self, x: Floats, widths: Sequence[int]) -> list[Floats]:
        starts = itertools.accumulate(widths, initial=x.column)
        return [Floats(x.buffer, width, start) for width, start in zip(widths, starts, strict=False)]

    def outputs(self, x: Floats) -> Floats:
        out = self.gathered = self._floats(x.width, ROWS_OUTPUTS)
        source = self._place("x", x)
        self._emit(GATHER, "gather", BARRIER_ALWAYS, ROWS_OUTPUTS, **source, **self._out(out), width=x.width)
        return out

    def linear(
        self,
        x: Floats | Normed | Gated,
        matrix: Sequence[PackedMatrix],
        *,
        bias: Vector | None = None,
        add: Floats | None = None,
    ) -> Floats:
        rows = _rows(x)
        quants = self._quantise(x, private=True)
        out = self._floats(sum(part.outputs for part in matrix), rows)
        column = 0
        for part in matrix:
            values: dict[str, Any] = {"private": 1, "groups": quants.groups, "blocks": part.blocks}
            values |= quants.addresses() | self._matrix(part) | {"chunk": self._chunk(part.blocks)}
            values |= {"out": Address(out.buffer, 4 * column), "out_stride": out.buffer.row_bytes}
            if add is not None:
                values |= {"add": Address(add.buffer, 4 * (add.column + column)), "add_stride": add.buffer.row_bytes}
            if bias is not None:
                values["bias"] = self._constant(bias[column : column + part.outputs], part.blocks * BLOCK_OUT)
            last = part is matrix[-1]
            self._emit(PRODUCT, "product", BARRIER_ALWAYS if last else BARRIER_NEVER, rows, **values)
            column += part.outputs
        return out

    def attention(self, q: Turned | Floats, k: Turned | Floats, v: Floats, shape: Attention) -> Floats:
        layout = self.layout
        self.group = _agreed(self.group, shape.heads // shape.kv_heads, "heads to a key/value head")
        out = self._floats(shape.heads * shape.head_dim, ROWS_ALL)
        common: dict[str, Any] = {
            "kv_heads": shape.kv_heads,
            "head_dim": shape.head_dim,
            "width": layout.width,
            "cache": self.cache + shape.layer * layout.layer,
            "block_bytes": layout.block,
            "head_bytes": layout.head,
        }
        rope, other = (x.rope if isinstance(x, Turned) else None for x in (q, k))
        if rope is not other or (rope and self.rope_used and rope is not self.rope_used):
            raise ValueError("all queries and keys must be turned by the same Rope")
        self.rope_used = rope or self.rope_used
        turn = {"turn": int(rope is not None), "interleaved": int(rope is not None and rope.interleaved)}
        places: dict[str, Any] = {}
        for name, value in (("q", q), ("k", k), ("v", v)):
            places |= self._place(name, value.x if isinstance(value, Turned) else value)
        self._emit(ROPE, "rope", BARRIER_ALWAYS, ROWS_ALL, **common, **turn, **places, heads=shape.heads)
        common |= {
            "q": places["q"],
            "q_stride": places["q_stride"],
            "group": self.group,
            "scale": _float_bits(shape.scale),
            "window": shape.window or 0,
            "partials": PARTIALS,
            "split_rows": max(SPLIT_ROWS, self.group),
            **self._out(out),
        }
        self._emit(ATTENTION, "attention", BARRIER_ALWAYS, ROWS_ALL, **common)
        self._emit(ATTENTION, "merge", BARRIER_IF_MERGES, ROWS_ALL, **common)
        return out

    def mixture(
        self,
        x: Normed,
        router: Vector,
        gate_up: Sequence[Sequence[PackedMatrix]],
        down: Sequence[Sequence[PackedMatrix]],
        *,
        used: int,
        add: Floats,
    ) -> Floats:
        self.experts_used = _agreed(self.experts_used, used, "number of experts to a row")
        count, width = router.shape
        padded = -(-width // GROUP) * GROUP
        normed = self._floats(padded, ROWS_ALL)
        quants = self._quantise(x, private=False, floats=normed)
        chosen, shares, places = (Buffer(ROWS_ALL, size * used) for size in (8, 4, 8))
        starts = aligned(count + 1, np.int64)
        self.keep.append(starts)
        table = np.zeros((count, padded), np.float32)
        table[:, :width] = router
        self._emit(
            experts.ROUTE, "route", BARRIER_ALWAYS, ROWS_ALL, **self._place("x", normed), width=padded,
            router=self._constant(table, table.size), experts=count, used=used,
            scores=Address(Buffer(ROWS_ALL, 4 * count)), chosen=Address(chosen), shares=Address(shares),
        )  # fmt: skip
        listed = {"starts": starts.ctypes.data, "experts": count}
        ordered: dict[str, Any] = {"used": used, "places": Address(places)}
        self._emit(experts.ARRANGE, "arrange", BARRIER_ALWAYS, ROWS_ALL, **listed, **ordered, chosen=Address(chosen))
        pairs = self._new_quants(quants.groups, ROWS_PAIRS)
        self._emit(
            experts.DEAL, "deal", BARRIER_ALWAYS, ROWS_ALL,
            **ordered, groups=quants.groups, **quants.addresses(), **pairs.addresses("to_"),
        )  # fmt: skip
        hidden = self._each_expert(pairs, gate_up, listed)
        result = self._each_expert(self._quantise(Gated(hidden), private=False), down, listed)
        out = self._floats(width, ROWS_ALL)
        self._emit(
            experts.COMBINE, "combine", BARRIER_ALWAYS, ROWS_ALL, **ordered, shares=Address(shares),
            **self._place("y", result), **self._place("add", add), **self._out(out), width=width,
        )  # fmt: skip
        return out

    def _each_expert(
        self, quants: Quants, matrices: Sequence[Sequence[PackedMatrix]], listed: dict[str, int]
    ) -> Floats:
        if len({tuple(part.form for part in parts) for parts in matrices}) > 1:
            raise UnsupportedFile("the experts of one layer are stored in different types.")
        out = self._floats(sum(part.outputs for part in matrices[0]), ROWS_PAIRS)
        column = 0
        for number, part in enumerate(matrices[0]):
            table = aligned(3 * len(matrices), np.int64).reshape(-1, 3)
            for expert, parts in enumerate(matrices):
                names = ("weights", "weight_scales", "weight_minima")
                table[expert] = [self._matrix(parts[number])[name] for name in names]
            self.keep.append(table)
            self._emit(
                experts.EXPERTS, "experts", BARRIER_ALWAYS, ROWS_PAIRS, **listed, form=STORED.index(part.form),
                table=table.ctypes.data, out=Address(out.buffer, 4 * column), out_stride=out.buffer.row_bytes,
                **quants.addresses(), groups=quants.groups, blocks=part.blocks, chunk=self._chunk(part.blocks),
            )  # fmt: skip
            column += part.outputs
        return out

    # Notes

    def _quantise(self, x: Floats | Normed | Gated, *, private: bool, floats: Floats | None = None) -> Quants:
        kind, source, width = INPUT_PLAIN, x, 0
        values: dict[str, Any] = {}
        if isinstance(x, Normed):
            kind, source = INPUT_NORM, x.x
            padded = -(-source.width // GROUP) * GROUP
            values |= {"weight": self._constant(x.weight, padded), "epsilon": _float_bits(x.epsilon)}
        elif isinstance(x, Gated):
            kind, source = INPUT_SWIGLU, x.gate_up
            width = source.width // 2
            values |= {"up": 4 * width}
        assert isinstance(source, Floats)
        width = width or source.width
        quants = self._new_quants(-(-width // GROUP), source.buffer.rows)
        self.widest = max(self.widest, width)
        if private and self.prompts_apart and source.buffer.rows == ROWS_ALL:
            quants.bfloats = Buffer(ROWS_ALL, 2 * GROUP * quants.groups)
        if floats is not None:
            values |= self._place("floats", floats)
        values |= {"input": kind, "width": width, "groups": quants.groups, "private": int(private)}
        barrier = BARRIER_IF_SHARED if private else BARRIER_ALWAYS
        place = self._place("x", source)
        self._emit(QUANTISE, "quantise", barrier, source.buffer.rows, **values, **place, **quants.addresses())
        return quants

    def _new_quants(self, groups: int, rows: int) -> Quants:
        quants, scales, sums, scaled = (Buffer(rows, size * groups) for size in (GROUP, 4, 4, 4))
        return Quants(quants, scales, sums, scaled, groups)

    def _emit(self, record: Record, opcode: str, barrier: int, rows: int, **values: int | Address) -> None:
        self.instructions.append(Instruction(record, opcode, barrier, rows, values))

    def _floats(self, width: int, rows: int) -> Floats:
        return Floats(Buffer(rows, 4 * (-(-width // GROUP) * GROUP)), width)

    def _place(self, name: str, x: Floats) -> dict[str, Any]:
        return {name: Address(x.buffer, 4 * x.column), f"{name}_stride": x.buffer.row_bytes}

    def _out(self, x: Floats) -> dict[str, Any]:
        return self._place("out", x)

    def _matrix(self, matrix: PackedMatrix) -> dict[str, int]:
        self.keep.append(matrix)
        return {
            "form": STORED.index(matrix.form),
            "groups": matrix.groups,
            "weights": matrix.weights.ctypes.data,
            "weight_scales": matrix.scales.ctypes.data,
            "weight_minima": 0 if matrix.minima is None else matrix.minima.ctypes.data,
        }

    def _constant(self, numbers: NDArray[np.float32], size: int) -> int:
        copy = aligned(size, np.float32)
        copy[: numbers.size] = numbers.reshape(-1)
        self.keep.append(copy)
        return copy.ctypes.data

    def _chunk(self, blocks: int) -> int:
        """Blocks that a thread takes at a time: as many as leave all threads the same to do."""
        for chunk in (8, 6, 4):
            turns = -(-blocks // (chunk * self.threads))
            if turns * chunk * self.threads <= 1.03 * blocks:
                return chunk
        return 2


def _rows(x: Floats | Normed | Gated) -> int:
    source: Any = x.x if isinstance(x, Normed) else x.gate_up if isinstance(x, Gated) else x
    return int(source.buffer.rows)


def _agreed(known: int, number: int, what: str) -> int:
    """What a step's context holds once must be the same in every layer."""
    if known not in (0, number):
        raise ValueError(f"all layers must have the same {what}, not {known} and {number}")
    return number


def _float_bits(number: float) -> int:
    return int(struct.unpack("<i", struct.pack("<f", number))[0])
