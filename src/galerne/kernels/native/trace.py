"""Writes down what a forward function asks for, as instructions over buffers that have no place in memory yet."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from galerne.errors import UnsupportedFile
from galerne.kernels.interface import Attention, Rope, Vector
from galerne.kernels.native import mixture as experts
from galerne.kernels.native.attention import ATTENTION
from galerne.kernels.native.buffers import (
    PARTIALS,
    Address,
    Buffer,
    Floats,
    Gated,
    Normed,
    Quants,
    Turned,
    new_floats,
    new_quants,
)
from galerne.kernels.native.cache import CacheLayout
from galerne.kernels.native.forms import BLOCK_OUT, GROUP, STORED
from galerne.kernels.native.memory import aligned
from galerne.kernels.native.notes import Notes, float_bits
from galerne.kernels.native.pack import PackedMatrix
from galerne.kernels.native.product import PRODUCT
from galerne.kernels.native.record import (
    BARRIER_ALWAYS,
    BARRIER_IF_MERGES,
    BARRIER_NEVER,
    ROWS_ALL,
    ROWS_OUTPUT_PAIRS,
    ROWS_OUTPUTS,
    ROWS_PAIRS,
)
from galerne.kernels.native.rope import ROPE
from galerne.kernels.native.rows import EMBED, GATHER
from galerne.kernels.native.units import SPLIT_ROWS

PAIRS = {ROWS_ALL: ROWS_PAIRS, ROWS_OUTPUTS: ROWS_OUTPUT_PAIRS}
"""What becomes of rows when each goes to some experts."""


@dataclass(slots=True)
class Trace:
    """Fills `Operations` by taking notes."""

    notes: Notes
    layout: CacheLayout
    cache: int  # address of the key/value cache
    vocabulary: int = 0
    rope_used: Rope | None = None
    group: int = 0  # heads that share a key/value head; 0: there is no attention
    experts_used: int = 0  # by each row; 0: there are none
    kept_states: Floats | None = None

    def embed(self, table: Sequence[PackedMatrix]) -> Floats:
        (matrix,) = table
        self.vocabulary = matrix.outputs
        out = new_floats(matrix.groups * GROUP, ROWS_ALL)
        self.notes.emit(EMBED, "embed", BARRIER_ALWAYS, ROWS_ALL, **out.place("out"), **self.notes.matrix(matrix))
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
        out = new_floats(x.width, ROWS_OUTPUTS)
        source = x.place("x")
        self.notes.emit(GATHER, "gather", BARRIER_ALWAYS, ROWS_OUTPUTS, **source, **out.place("out"), width=x.width)
        return out

    def states(self, x: Floats) -> Floats:
        self.kept_states = x
        return x

    def linear(
        self,
        x: Floats | Normed | Gated,
        matrix: Sequence[PackedMatrix],
        *,
        bias: Vector | None = None,
        add: Floats | None = None,
    ) -> Floats:
        rows = _rows(x)
        quants = self.notes.quantise(x, private=True)
        out = new_floats(sum(part.outputs for part in matrix), rows)
        column = 0
        for part in matrix:
            values: dict[str, Any] = {"private": 1, "groups": quants.groups, "blocks": part.blocks}
            values |= quants.addresses() | self.notes.matrix(part) | {"chunk": self.notes.chunk(part.blocks)}
            values |= {"out": Address(out.buffer, 4 * column), "out_stride": out.buffer.row_bytes}
            if add is not None:
                values |= {"add": Address(add.buffer, 4 * (add.column + column)), "add_stride": add.buffer.row_bytes}
            if bias is not None:
                values["bias"] = self.notes.constant(bias[column : column + part.outputs], part.blocks * BLOCK_OUT)
            last = part is matrix[-1]
            self.notes.emit(PRODUCT, "product", BARRIER_ALWAYS if last else BARRIER_NEVER, rows, **values)
            column += part.outputs
        return out

    def attention(
        self, q: Turned | Floats, k: Turned | Floats, v: Floats, shape: Attention, *, outputs: bool = False
    ) -> Floats:
        layout = self.layout
        self.group = _agreed(self.group, shape.heads // shape.kv_heads, "heads to a key/value head")
        out = new_floats(shape.heads * shape.head_dim, ROWS_ALL)
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
            places |= (value.x if isinstance(value, Turned) else value).place(name)
        self.notes.emit(ROPE, "rope", BARRIER_ALWAYS, ROWS_ALL, **common, **turn, **places, heads=shape.heads)
        common |= {
            "q": places["q"],
            "q_stride": places["q_stride"],
            "group": self.group,
            "scale": float_bits(shape.scale),
            "window": shape.window or 0,
            "partials": PARTIALS,
            "split_rows": max(SPLIT_ROWS, self.group),
            "outputs": int(outputs),
            **out.place("out"),
        }
        self.notes.emit(ATTENTION, "attention", BARRIER_ALWAYS, ROWS_ALL, **common)
        self.notes.emit(ATTENTION, "merge", BARRIER_IF_MERGES, ROWS_ALL, **common)
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
        rows, pair_rows = x.x.buffer.rows, PAIRS[x.x.buffer.rows]
        padded = -(-width // GROUP) * GROUP
        normed = new_floats(padded, rows)
        quants = self.notes.quantise(x, private=False, floats=normed)
        chosen, shares, places = (Buffer(rows, size * used) for size in (8, 4, 8))
        starts = aligned(count + 1, np.int64)
        self.notes.keep.append(starts)
        table = np.zeros((count, padded), np.float32)
        table[:, :width] = router
        self.notes.emit(
            experts.ROUTE, "route", BARRIER_ALWAYS, rows, **normed.place("x"), width=padded,
            router=self.notes.constant(table, table.size), experts=count, used=used,
            scores=Address(Buffer(rows, 4 * count)), chosen=Address(chosen), shares=Address(shares),
        )  # fmt: skip
        listed = {"starts": starts.ctypes.data, "experts": count}
        ordered: dict[str, Any] = {"used": used, "places": Address(places)}
        self.notes.emit(experts.ARRANGE, "arrange", BARRIER_ALWAYS, rows, **listed, **ordered, chosen=Address(chosen))
        pairs = new_quants(quants.groups, pair_rows)
        self.notes.emit(
            experts.DEAL, "deal", BARRIER_ALWAYS, rows,
            **ordered, groups=quants.groups, **quants.addresses(), **pairs.addresses("to_"),
        )  # fmt: skip
        hidden = self._each_expert(pairs, gate_up, listed)
        result = self._each_expert(self.notes.quantise(Gated(hidden), private=False), down, listed)
        out = new_floats(width, rows)
        self.notes.emit(
            experts.COMBINE, "combine", BARRIER_ALWAYS, rows, **ordered, shares=Address(shares),
            **result.place("y"), **add.place("add"), **out.place("out"), width=width,
        )  # fmt: skip
        return out

    def _each_expert(
        self, quants: Quants, matrices: Sequence[Sequence[PackedMatrix]], listed: dict[str, int]
    ) -> Floats:
        if len({tuple(part.form for part in parts) for parts in matrices}) > 1:
            raise UnsupportedFile("the experts of one layer are stored in different types.")
        rows = quants.rows
        out = new_floats(sum(part.outputs for part in matrices[0]), rows)
        column = 0
        for number, part in enumerate(matrices[0]):
            table = aligned(4 * len(matrices), np.int64).reshape(-1, 4)
            for expert, parts in enumerate(matrices):
                names = ("weights", "weight_scales", "weight_minima", "weight_units")
                table[expert] = [self.notes.matrix(parts[number])[name] for name in names]
            self.notes.keep.append(table)
            self.notes.emit(
                experts.EXPERTS, "experts", BARRIER_ALWAYS, rows, **listed, form=STORED.index(part.form),
                table=table.ctypes.data, out=Address(out.buffer, 4 * column), out_stride=out.buffer.row_bytes,
                **quants.addresses(), groups=quants.groups, blocks=part.blocks, chunk=self.notes.chunk(part.blocks),
            )  # fmt: skip
            column += part.outputs
        return out


def _rows(x: Floats | Normed | Gated) -> int:
    source: Any = x.x if isinstance(x, Normed) else x.gate_up if isinstance(x, Gated) else x
    return int(source.buffer.rows)


def _agreed(known: int, number: int, what: str) -> int:
    """What a step's context holds once must be the same in every layer."""
    if known not in (0, number):
        raise ValueError(f"all layers must have the same {what}, not {known} and {number}")
    return number
