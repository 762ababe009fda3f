"""Sparse mixture of experts: choose experts for each row, put the rows of each expert side by side, and add up.

A *pair* is a row at one of its experts; a row has `used` of them. Pairs are ordered by expert, so that each expert's
weights are read once a step, and those that nobody chose not at all.
"""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.native.emitter import F32, F32V, I64, LANES, VOID, Emitter, Value
from galerne.kernels.native.forms import ACTIVATIONS, STORED
from galerne.kernels.native.levels import Level
from galerne.kernels.native.product import Products, activations_in, copy_group, rows_below
from galerne.kernels.native.quantise import exponential
from galerne.kernels.native.record import ANY, CONTEXT, Reader, count_of, instruction
from galerne.kernels.native.sharing import take

ROUTE = instruction(
    "route",
    "x",  # float32 [rows, width], zeros beyond the width up to 32
    "x_stride",
    "width",  # a multiple of 16 (padded)
    "router",  # float32 [experts, width]
    "experts",
    "used",
    "scores",  # float32 [rows, experts]
    "chosen",  # int64 [rows, used]
    "shares",  # float32 [rows, used]: how much of each expert's result counts
)

ARRANGE = instruction(
    "arrange",
    "experts",
    "used",
    "chosen",
    "starts",  # int64 [experts + 1]: first pair of each expert
    "places",  # int64 [rows, used]: each pair's place in that order
)

DEAL = instruction(
    "deal",  # copy each row's quantised activations to its pairs
    "used",
    "places",
    "groups",
    *ACTIVATIONS,
    *(f"to_{name}" for name in ACTIVATIONS),
)

EXPERTS = instruction(
    "experts",  # a product for each expert's pairs
    "form",
    "experts",
    "starts",
    "table",  # int64 [experts, 4]: weights, scales, minima, units
    "out",
    "out_stride",
    *ACTIVATIONS,
    "groups",
    "blocks",
    "chunk",
)

COMBINE = instruction(
    "combine", "used", "places", "shares", "y", "y_stride", "add", "add_stride", "out", "out_stride", "width"
)


def write_mixture(module: ir.Module, level: Level, products: Products) -> dict[str, ir.Function]:
    """The operations by name, each (instruction, context, counter, thread)."""
    return {
        "route": _for_each_row(module, level, "route", _route),
        "arrange": _arrange(module, level),
        "deal": _for_each_row(module, level, "deal", _deal),
        "experts": _experts(module, level, products),
        "combine": _for_each_row(module, level, "combine", _combine),
    }


def _for_each_row(module: ir.Module, level: Level, name: str, body) -> ir.Function:  # type: ignore[no-untyped-def]
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 4), name), fused=level.fused)
    address, context, counter, _ = emit.arguments
    rows = count_of(emit, CONTEXT.at(emit, context), ANY.at(emit, address).rows)
    row = emit.variable(take(emit, counter))
    with emit.while_(lambda: row.now < rows):
        body(emit, level, address, row.now)
        row.now = take(emit, counter)
    emit.done()
    return emit.function


def _route(emit: Emitter, level: Level, address: Value, row: Value) -> None:  # noqa: ARG001
    ins = ROUTE.at(emit, address)
    scores = ins.scores + row * ins.experts * 4
    with emit.loop(0, ins.experts) as expert:
        total = emit.variable(emit.constant(F32V, 0.0))
        with emit.loop(0, ins.width, LANES) as column:
            x = emit.load(F32V, ins.x + row * ins.x_stride + column * 4)
            total.now = emit.fma(x, emit.load(F32V, ins.router + (expert * ins.width + column) * 4), total.now)
        emit.store(emit.reduce("add", total.now), scores + expert * 4)
    chosen, shares = ins.chosen + row * ins.used * 8, ins.shares + row * ins.used * 4
    first = emit.variable(emit.f32(0.0))
    whole = emit.variable(emit.f32(0.0))
    with emit.loop(0, ins.used) as slot:
        best, score = _best(emit, scores, ins.experts)
        first.now = emit.select(slot.equals(0), score, first.now)
        share = exponential(emit, emit.splat(score - first.now)).lane(0)
        whole.now = whole.now + share
        emit.store(best, chosen + slot * 8)
        emit.store(share, shares + slot * 4)
        emit.store(emit.f32(float("-inf")), scores + best * 4)
    with emit.loop(0, ins.used) as slot:
        emit.store(emit.load(F32, shares + slot * 4) / whole.now, shares + slot * 4)


def _best(emit: Emitter, scores: Value, experts: Value) -> tuple[Value, Value]:
    """The largest score and whose it is; the first of equals. NaN is never the largest, but its row's sum of shares."""
    best, score = emit.variable(emit.i64(0)), emit.variable(emit.load(F32, scores))
    with emit.loop(1, experts) as expert:
        other = emit.load(F32, scores + expert * 4)
        larger = other > score.now
        best.now = emit.select(larger, expert, best.now)
        score.now = emit.select(larger, other, score.now)
    return best.now, score.now


def _arrange(module: ir.Module, level: Level) -> ir.Function:
    """One thread counts: small numbers, in an order that depends on nothing but the rows."""
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 4), "arrange"), fused=level.fused)
    address, context, counter, _ = emit.arguments
    ins = ARRANGE.at(emit, address)
    rows = count_of(emit, CONTEXT.at(emit, context), ins.rows)
    with emit.if_(take(emit, counter).equals(0)):
        place = emit.variable(emit.i64(0))
        with emit.loop(0, ins.experts) as expert:
            emit.store(place.now, ins.starts + expert * 8)
            with (
                emit.loop(0, rows * ins.used) as pair,
                emit.if_(emit.load(I64, ins.chosen + pair * 8).equals(expert)),
            ):
                emit.store(place.now, ins.places + pair * 8)
                place.now = place.now + 1
        emit.store(place.now, ins.starts + ins.experts * 8)
    emit.done()
    return emit.function


def _deal(emit: Emitter, level: Level, address: Value, row: Value) -> None:
    ins = DEAL.at(emit, address)
    activations, to = activations_in(ins), activations_in(ins, "to_")
    with emit.loop(0, ins.used) as slot:
        place = emit.load(I64, ins.places + (row * ins.used + slot) * 8)
        with emit.loop(0, ins.groups) as group:
            source, target = row * ins.groups + group, place * ins.groups + group
            copy_group(emit, level, activations, source, to, target)


def _experts(module: ir.Module, level: Level, products: Products) -> ir.Function:
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 4), "experts"), fused=level.fused)
    address, context, counter, thread = emit.arguments
    ins, ctx = EXPERTS.at(emit, address), CONTEXT.at(emit, context)
    private = ctx.private + ctx.private_stride * thread
    chunks = (ins.blocks + ins.chunk - 1) // ins.chunk
    item = emit.variable(take(emit, counter))
    with emit.while_(lambda: item.now < ins.experts * chunks):
        expert, first = item.now // chunks, (item.now % chunks) * ins.chunk
        start = emit.load(I64, ins.starts + expert * 8)
        rows = emit.load(I64, ins.starts + expert * 8 + 8) - start
        with emit.if_(rows > 0):
            _expert(emit, ins, products, expert, start, rows, first, private)
        item.now = take(emit, counter)
    emit.done()
    return emit.function


def _expert(
    emit: Emitter,
    ins: Reader,
    products: Products,
    expert: Value,
    start: Value,
    rows: Value,
    first: Value,
    private: Value,
) -> None:
    groups = ins.groups
    weights = [emit.load(I64, ins.table + (expert * 4 + part) * 8) for part in range(4)]
    outputs = [ins.out + start * ins.out_stride, ins.out_stride, emit.i64(0), emit.i64(0), emit.i64(0)]
    activations = rows_below(activations_in(ins), start, groups)
    count = emit.minimum(ins.blocks - first, ins.chunk)
    for number, form in enumerate(STORED):
        with emit.if_(ins.form.equals(number)):
            emit.call(products.chunk(form), *outputs, *activations, *weights, groups, rows, first, count, private)


def _combine(emit: Emitter, level: Level, address: Value, row: Value) -> None:  # noqa: ARG001
    ins = COMBINE.at(emit, address)
    with emit.loop(0, ins.width, LANES) as column:
        total = emit.variable(emit.load(F32V, ins.add + row * ins.add_stride + column * 4))
        with emit.loop(0, ins.used) as slot:
            pair = row * ins.used + slot
            place = emit.load(I64, ins.places + pair * 8)
            share = emit.splat(emit.load(F32, ins.shares + pair * 4))
            y = emit.load(F32V, ins.y + place * ins.y_stride + column * 4)
            total.now = emit.fma(y, share, total.now)
        emit.store(total.now, ins.out + row * ins.out_stride + column * 4)
