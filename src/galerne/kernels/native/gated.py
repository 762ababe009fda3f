"""A product with SwiGLU and the next product's quantisation, in one go where rows are many.

Gate and up of the same 32 numbers are multiplied, gated and quantised while they are in the first-level cache. Nothing
goes to memory but bytes, instead of eight times as many for floats that are read once.
"""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

from galerne.kernels.native.emitter import I64, LANES, VOID, Emitter, Value, vector
from galerne.kernels.native.forms import ACTIVATIONS, BLOCK_OUT, GROUP, QUANTISED, STORED, UNIT_BYTES, Form
from galerne.kernels.native.levels import Level
from galerne.kernels.native.pairs import write_pairing
from galerne.kernels.native.panel import PANEL_BLOCKS, panel_bytes, unpacked, write_unpack
from galerne.kernels.native.product import (
    Products,
    activation_addresses,
    activations_in,
    copy_group,
    multiplied,
    quantised_bytes,
    rows_below,
)
from galerne.kernels.native.quantise import swiglu
from galerne.kernels.native.quantise_groups import write_groups
from galerne.kernels.native.record import CONTEXT, count_of, instruction
from galerne.kernels.native.sharing import Parts, pieces

GATED = instruction(
    "gated",
    "form",  # one of FORMS
    *ACTIVATIONS,  # as in PRODUCT
    "groups",
    "weights",  # gate's blocks, then as many of up
    "weight_scales",
    "weight_units",
    "pairs",  # of gate's blocks: 32 outputs, so one group of the result
    *(f"to_{name}" for name in ACTIVATIONS),  # [rows, pairs]
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
        activations = rows_below(activations_in(ins), start, ins.groups)
        to = rows_below(activations_in(ins, "to_"), start, pairs)
        where = [*activations, *to, ins.weights, ins.weight_scales, ins.weight_units]
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
    quantised: list[Value]  # its ACTIVATIONS

    @classmethod
    def at(cls, private: Value, groups: Value, form: Form, panel: Form) -> _Room:
        scales = private + groups * (PANEL_BLOCKS * panel.group_bytes)
        units = scales + groups * (PANEL_BLOCKS * form.scale_bytes)
        products = units + PANEL_BLOCKS * UNIT_BYTES
        gated = products + TOGETHER * 2 * GROUP * 4
        emit, quants = private.emit, gated + TOGETHER * GROUP * 4
        quantised = activation_addresses(quants, emit.i64(TOGETHER), emit.i64(1))
        return cls(private, scales, units, products, gated, quantised)


def _chunk(module: ir.Module, level: Level, products: Products, form: Form) -> ir.Function:
    """(ACTIVATIONS, those of the result; weights, their scales, units; groups, pairs in all; rows, first pair, pairs,
    private memory)"""
    many, unpack, panel = products.many(form), write_unpack(module, level, form), unpacked(level, form)
    quantise, pairing = write_groups(module, level), write_pairing(module, level)
    size = len(ACTIVATIONS)
    function = ir.Function(module, ir.FunctionType(VOID, [I64] * (2 * size + 9)), f"gated_{form.name}")
    function.linkage = "internal"
    emit = Emitter(function, fused=level.fused)
    activations, to = emit.arguments[:size], emit.arguments[size : 2 * size]
    weights, weight_scales, units, groups, pairs, rows, first, count, private = emit.arguments[2 * size :]
    room, none, stride = _Room.at(private, groups, form, panel), emit.i64(0), groups * form.scale_bytes
    with emit.loop(first, first + count) as pair:
        for half in range(2):
            block, place = (pair + pairs * half) * PAIR, groups * (PAIR * half)
            emit.call(unpack, weights + block * groups * form.group_bytes, room.panel + place * panel.group_bytes,
                      groups * PAIR)  # fmt: skip
            _copy(emit, weight_scales + block * stride, room.scales + place * form.scale_bytes, stride * PAIR)
            _copy(emit, units + block * UNIT_BYTES, room.units + PAIR * half * UNIT_BYTES, emit.i64(PAIR * UNIT_BYTES))
        with emit.loop(0, rows, TOGETHER) as row:
            some = emit.minimum(rows - row, TOGETHER)
            quants, scales, sums = multiplied(panel, rows_below(activations, row, groups))
            emit.call(
                many, room.products, emit.i64(2 * GROUP * 4), quants, groups * GROUP, scales, sums, groups * 4,
                room.panel, groups * panel.group_bytes, room.scales, room.scales, stride, stride, room.units,
                groups, none, none, none, some, emit.i64(PANEL_BLOCKS),
            )  # fmt: skip
            with emit.loop(0, some) as index:
                _gate(emit, room.products + index * (2 * GROUP * 4), room.gated + index * (GROUP * 4))
            emit.call(quantise, room.gated, some, *room.quantised[: len(QUANTISED)])
            if level.paired:
                emit.call(pairing, some, *room.quantised)
            with emit.loop(0, some) as index:
                copy_group(emit, level, room.quantised, index, to, (row + index) * pairs + pair)
    emit.done()
    return emit.function


def _copy(emit: Emitter, source: Value, target: Value, size: Value) -> None:
    with emit.loop(0, size, 32) as offset:
        emit.store(emit.load(vector(I64, 4), source + offset), target + offset)


def _gate(emit: Emitter, products: Value, target: Value) -> None:
    for half in range(0, GROUP * 4, LANES * 4):
        emit.store(swiglu(emit, products + half, products + (GROUP * 4 + half)), target + half)
