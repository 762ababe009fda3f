"""A product with SwiGLU and the next product's quantisation, in one go where rows are many.

Gate and up of the same 32 numbers are multiplied, gated and quantised while they are in the first-level cache. Nothing
goes to memory but bytes, instead of eight times as many for floats that are read once.
"""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

from galerne.kernels.native.emitter import I64, LANES, VOID, Emitter, Value, vector
from galerne.kernels.native.forms import BLOCK_OUT, GROUP, STORED, UNIT_BYTES, Form
from galerne.kernels.native.levels import Level
from galerne.kernels.native.panel import PANEL_BLOCKS, panel_bytes, write_unpack
from galerne.kernels.native.product import Products, activation_addresses, copy_group, quantised_bytes, rows_below
from galerne.kernels.native.quantise import swiglu
from galerne.kernels.native.quantise_groups import write_groups
from galerne.kernels.native.record import CONTEXT, count_of, instruction
from galerne.kernels.native.sharing import Parts, pieces

GATED = instruction(
    "gated",
    "form",  # one of FORMS
    "quants",  # the activations, as in PRODUCT
    "scales",
    "sums",
    "groups",
    "weights",  # gate's blocks, then as many of up
    "weight_scales",
    "weight_units",
    "pairs",  # of gate's blocks: 32 outputs, so one group of the result
    "to_quants",  # [rows, pairs * 32], and so on
    "to_scales",
    "to_sums",
    "to_scaled_sums",
)

FORMS = {number: form for number, form in enumerate(STORED) if form.nibbles}
"""The forms that weights may have, by their numbers in a program."""

PAIR = GROUP // BLOCK_OUT
"""Blocks of gate, and of up, that make a group of the result."""

TOGETHER = 48
"""Rows that are multiplied before they are gated: 12 KiB of products."""

CHUNK = 2
"""Pairs that a thread takes at a time."""


def gated_bytes(groups: int) -> int:
    """Private memory of a product of so many groups."""
    scales = groups * PANEL_BLOCKS * BLOCK_OUT * 4 + PANEL_BLOCKS * UNIT_BYTES
    return panel_bytes(groups) + scales + TOGETHER * (3 * GROUP * 4) + quantised_bytes(1, TOGETHER)


def write_gated(module: ir.Module, level: Level, products: Products) -> ir.Function:
    """The function (instruction, context, counter, thread), for rows that each thread has some of."""
    chunks = {number: _chunk(module, level, products, form) for number, form in FORMS.items()}
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 4), "gated"), fused=level.fused)
    address, context, counter, thread = emit.arguments
    ins, ctx = GATED.at(emit, address), CONTEXT.at(emit, context)
    rows = count_of(emit, ctx, ins.rows)
    private = ctx.private + ctx.private_stride * thread
    pairs, parts = ins.pairs, Parts(emit, ctx, rows)
    with parts.each(counter, thread, lambda _: pieces(pairs, emit.i64(CHUNK))) as (start, end, piece):
        first = piece * CHUNK
        activations = rows_below([ins.quants, ins.scales, ins.sums], start, ins.groups)
        to = rows_below([ins.to_quants, ins.to_scales, ins.to_sums, ins.to_scaled_sums], start, pairs)
        where = [*activations, ins.weights, ins.weight_scales, ins.weight_units, *to]
        count = emit.minimum(pairs - first, CHUNK)
        for number, chunk in chunks.items():
            with emit.if_(ins.form.equals(number)):
                emit.call(chunk, *where, ins.groups, pairs, end - start, first, count, private)
    emit.done()
    return emit.function


@dataclass(frozen=True, slots=True)
class _Room:
    """What a thread's private memory holds."""

    panel: Value
    scales: Value
    units: Value
    products: Value  # float32 [TOGETHER, gate's 32, up's 32]
    gated: Value  # float32 [TOGETHER, 32]
    quantised: list[Value]  # its quants, scales, sums and scaled sums

    @classmethod
    def at(cls, private: Value, groups: Value, form: Form) -> _Room:
        scales = private + groups * (PANEL_BLOCKS * form.unpacked.group_bytes)
        units = scales + groups * (PANEL_BLOCKS * form.scale_bytes)
        products = units + PANEL_BLOCKS * UNIT_BYTES
        gated = products + TOGETHER * 2 * GROUP * 4
        emit, quants = private.emit, gated + TOGETHER * GROUP * 4
        quantised = activation_addresses(quants, emit.i64(TOGETHER), emit.i64(1))
        return cls(private, scales, units, products, gated, quantised)


def _chunk(module: ir.Module, level: Level, products: Products, form: Form) -> ir.Function:
    """(quants, scales, sums of the activations; weights, their scales, units; quants, scales, sums and scaled sums of
    the result; groups, pairs in all; rows, first pair, pairs, private memory)"""
    many, unpack = products.rows(form.unpacked, level.many), write_unpack(module, level, form)
    quantise = write_groups(module, level)
    function = ir.Function(module, ir.FunctionType(VOID, [I64] * 16), f"gated_{form.name}")
    function.linkage = "internal"
    emit = Emitter(function, fused=level.fused)
    quants, scales, sums, weights, weight_scales, units, *to, groups, pairs, rows, first, count, private = (
        emit.arguments
    )
    room, none, stride = _Room.at(private, groups, form), emit.i64(0), groups * form.scale_bytes
    with emit.loop(first, first + count) as pair:
        for half in range(2):
            block, place = (pair + pairs * half) * PAIR, groups * (PAIR * half)
            panel = room.panel + place * form.unpacked.group_bytes
            emit.call(unpack, weights + block * groups * form.group_bytes, panel, groups * PAIR)
            _copy(emit, weight_scales + block * stride, room.scales + place * form.scale_bytes, stride * PAIR)
            _copy(emit, units + block * UNIT_BYTES, room.units + PAIR * half * UNIT_BYTES, emit.i64(PAIR * UNIT_BYTES))
        with emit.loop(0, rows, TOGETHER) as row:
            some, at = emit.minimum(rows - row, TOGETHER), row * groups
            emit.call(
                many, room.products, emit.i64(2 * GROUP * 4), quants + at * GROUP, groups * GROUP,
                scales + at * 4, sums + at * 4, groups * 4, room.panel, groups * form.unpacked.group_bytes,
                room.scales, room.scales, stride, stride, room.units, groups, none, none, none,
                some, emit.i64(PANEL_BLOCKS),
            )  # fmt: skip
            with emit.loop(0, some) as index:
                _gate(emit, room.products + index * (2 * GROUP * 4), room.gated + index * (GROUP * 4))
            emit.call(quantise, room.gated, some, *room.quantised)
            with emit.loop(0, some) as index:
                copy_group(emit, room.quantised, index, to, (row + index) * pairs + pair)
    emit.done()
    return function


def _copy(emit: Emitter, source: Value, target: Value, size: Value) -> None:
    with emit.loop(0, size, 32) as offset:
        emit.store(emit.load(vector(I64, 4), source + offset), target + offset)


def _gate(emit: Emitter, products: Value, target: Value) -> None:
    for half in range(0, GROUP * 4, LANES * 4):
        emit.store(swiglu(emit, products + half, products + (GROUP * 4 + half)), target + half)
