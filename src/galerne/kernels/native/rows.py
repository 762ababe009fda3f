"""Rows in and out: embedding the tokens, and picking the rows that logits are wanted of."""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.native.emitter import F32V, I8, I32, I64, LANES, VOID, Emitter, Value, vector
from galerne.kernels.native.forms import BLOCK_OUT, GROUP, STORED, UNIT_BYTES, Form
from galerne.kernels.native.levels import Level
from galerne.kernels.native.record import CONTEXT, Reader, instruction
from galerne.kernels.native.sharing import take
from galerne.kernels.native.tile import load_scales

EMBED = instruction(
    "embed", "form", "out", "out_stride", "groups", "weights", "weight_scales", "weight_minima", "weight_units"
)

GATHER = instruction("gather", "x", "x_stride", "out", "out_stride", "width")


def write_embed(module: ir.Module, level: Level) -> ir.Function:
    """(instruction, context, counter, thread): out[row] = the table's row that the token names."""
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 4), "embed"), fused=level.fused)
    address, context, counter, _ = emit.arguments
    ins, ctx = EMBED.at(emit, address), CONTEXT.at(emit, context)
    row = emit.variable(take(emit, counter))
    with emit.while_(lambda: row.now < ctx.rows):
        token = emit.extend(emit.load(I32, ctx.tokens + row.now * 4), I64, signed=True)
        block, output = token // BLOCK_OUT, token % BLOCK_OUT
        for number, form in enumerate(STORED):
            with emit.if_(ins.form.equals(number)), emit.loop(0, ins.groups) as group:
                _group(
                    emit,
                    level,
                    form,
                    ins,
                    block,
                    group,
                    output,
                    ins.out + row.now * ins.out_stride + group * (4 * GROUP),
                )
        row.now = take(emit, counter)
    emit.done()
    return emit.function


def _group(
    emit: Emitter, level: Level, form: Form, ins: Reader, block: Value, group: Value, output: Value, target: Value
) -> None:
    """The 32 numbers of one group of one output."""
    lane, place = emit.truncate(output, I32), block * ins.groups + group
    units = ins.weight_units + block * UNIT_BYTES
    scales, minima = load_scales(emit, level, form, ins.weight_scales, ins.weight_minima, units, place)
    scale, minimum = scales.lane(lane), None if minima is None else minima.lane(lane)
    four = vector(I32, 4)
    for v in range(8):
        at = ins.weights + place * form.group_bytes + (v % 4 if form.nibbles else v) * 64 + output * 4
        stored = emit.extend(emit.load(vector(I8, 4), at), four, signed=False)
        if form.nibbles:
            stored = (stored >> 4 if v >= 4 else stored) & 15
        numbers = emit.to_float(stored - form.offset) * emit.splat(scale, 4)
        if minimum is not None:
            numbers = numbers + emit.splat(minimum, 4)
        emit.store(numbers, target + v * 16)


def write_gather(module: ir.Module, level: Level) -> ir.Function:
    """(instruction, context, counter, thread): out[i] = x[output_rows[i]]."""
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 4), "gather"), fused=level.fused)
    address, context, counter, _ = emit.arguments
    ins, ctx = GATHER.at(emit, address), CONTEXT.at(emit, context)
    index = emit.variable(take(emit, counter))
    with emit.while_(lambda: index.now < ctx.outputs):
        row = emit.extend(emit.load(I32, ctx.output_rows + index.now * 4), I64, signed=True)
        with emit.loop(0, ins.width, LANES) as column:
            emit.store(
                emit.load(F32V, ins.x + row * ins.x_stride + column * 4),
                ins.out + index.now * ins.out_stride + column * 4,
            )
        index.now = take(emit, counter)
    emit.done()
    return emit.function
