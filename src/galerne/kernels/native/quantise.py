"""Activations -> int8 in groups of 32, with what comes before it: nothing, a norm, or SwiGLU."""

from __future__ import annotations

from contextlib import AbstractContextManager

from llvmlite import ir

from galerne.kernels.native.emitter import F32, F32V, I32, I32V, I64, LANES, VOID, Emitter, Value
from galerne.kernels.native.forms import ACTIVATIONS, GROUP, QUANTISED
from galerne.kernels.native.halves import round_to_bfloats
from galerne.kernels.native.levels import Level
from galerne.kernels.native.memory import LINE
from galerne.kernels.native.pairs import write_pairing
from galerne.kernels.native.product import (
    MANY_ROWS,
    activation_addresses,
    activations_in,
    quantised_apart,
    quantised_bytes,
    rows_below,
)
from galerne.kernels.native.quantise_groups import ROUNDER, write_groups
from galerne.kernels.native.record import CONTEXT, PRIVATE_ROWS, Reader, count_of, instruction
from galerne.kernels.native.sharing import Parts, pieces, share

QUANTISE = instruction(
    "quantise",
    "input",  # INPUT_*
    "x",  # float32 [rows, width]; [gate | up] for INPUT_SWIGLU
    "x_stride",
    "up",  # bytes from gate to up
    "width",  # numbers a row
    "groups",  # ceil(width / 32)
    "weight",  # of the norm, float32 [width rounded up to 32, zeros beyond]
    "epsilon",  # of the norm: a float32's bits
    *ACTIVATIONS,
    "floats",  # where the float32 numbers go too, or 0
    "floats_stride",
    "bfloats",  # bfloat16 [rows, groups * 32] for prompts' rows, or 0: quantise all rows
    "private",  # 1: when rows are few, each thread does all of them for itself, in its own memory
)

INPUT_PLAIN, INPUT_NORM, INPUT_SWIGLU = range(3)

ROW_CHUNK = 8
"""Rows that a thread takes at a time, at most."""


def write_quantise(module: ir.Module, level: Level) -> ir.Function:
    """The function (instruction, context, counter, thread). Few rows: each thread does all of them, for itself."""
    row, pairing = _row(module, level), write_pairing(module, level)
    bfloat_row = _bfloat_row(module, level)
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 4), "quantise"), fused=level.fused)
    address, context, counter, thread = emit.arguments
    ins, ctx = QUANTISE.at(emit, address), CONTEXT.at(emit, context)
    every = count_of(emit, ctx, ins.rows)
    rows = emit.select(ins.bfloats.equals(0), every, ctx.answers)
    own = quantised_apart(ins, every, rows)
    private = ctx.private + ctx.private_stride * thread
    room = private + ((ins.groups * quantised_bytes(1, PRIVATE_ROWS) + (LINE - 1)) & -LINE)
    with emit.if_(own), emit.loop(0, rows) as index:
        emit.call(row, address, index, room, *activation_addresses(private, rows, ins.groups))
    parts = Parts(emit, ctx, rows, divisible=rows.equals(every))
    size = share(emit, ctx, every, ROW_CHUNK)
    beyond = pieces(every - rows, size)
    kept = emit.select(own, emit.i64(0), emit.i64(1))
    with parts.each(counter, thread, lambda count: pieces(count, size) * kept + beyond) as (first, end, piece):
        quantised = pieces(end - first, size) * kept
        with emit.builder.if_else((piece < quantised).ir) as (then, otherwise):
            with then, _rows_of(emit, first + piece * size, size, end) as index:
                to = activations_in(ins)
                emit.call(row, address, index, room, *to)
                if level.paired:
                    with emit.if_(rows > MANY_ROWS - 1):
                        emit.call(pairing, ins.groups, *rows_below(to, index, ins.groups))
            with otherwise, _rows_of(emit, rows + (piece - quantised) * size, size, every) as index:
                emit.call(bfloat_row, address, index, index - rows, room)
    emit.done()
    return emit.function


def _rows_of(emit: Emitter, first: Value, size: Value, end: Value) -> AbstractContextManager[Value]:
    return emit.loop(first, emit.minimum(first + size, end))


def _bfloat_row(module: ir.Module, level: Level) -> ir.Function:
    """(instruction, row, its place among the prompts' rows, room for a row of floats)"""
    prepare = _prepare(module, level)
    emit = _new(module, level, "bfloat_row", 4)
    address, row, place, room = emit.arguments
    ins = QUANTISE.at(emit, address)
    emit.call(prepare, address, row, room)
    with emit.loop(0, ins.groups * 2) as half:
        numbers = emit.load(F32V, room + half * (4 * LANES))
        target = ins.bfloats + (place * ins.groups * GROUP + half * LANES) * 2
        emit.store(round_to_bfloats(emit, numbers), target)
    emit.done()
    return emit.function


def _row(module: ir.Module, level: Level) -> ir.Function:
    """(instruction, row, room for a row of floats, ACTIVATIONS of all rows)"""
    prepare, quantise = _prepare(module, level), write_groups(module, level)
    emit = _new(module, level, "quantise_row", 3 + len(ACTIVATIONS))
    address, row, room, *to = emit.arguments
    ins = QUANTISE.at(emit, address)
    plain = ins.input.equals(INPUT_PLAIN) & (ins.groups * GROUP).equals(ins.width) & ins.floats.equals(0)
    kept = emit.select(ins.floats.equals(0), room, ins.floats + row * ins.floats_stride)
    with emit.if_(plain.equals(0)):
        emit.call(prepare, address, row, kept)
    numbers = emit.select(plain, ins.x + row * ins.x_stride, kept)
    to = rows_below(to, row, ins.groups)[: len(QUANTISED)]
    emit.call(quantise, numbers, ins.groups, *to)
    emit.done()
    return emit.function


def _prepare(module: ir.Module, level: Level) -> ir.Function:
    """(instruction, row, to): what is quantised of a row, computed in float32; zeros beyond its width."""
    name = "quantise_prepare"
    if name in module.globals:
        return module.globals[name]
    emit = _new(module, level, name, 3)
    address, row, target = emit.arguments
    ins = QUANTISE.at(emit, address)
    x, padded = ins.x + row * ins.x_stride, ins.groups * GROUP
    whole = ins.width & -LANES
    for kind, input_ in ((INPUT_PLAIN, _Plain), (INPUT_NORM, _Norm), (INPUT_SWIGLU, _Swiglu)):
        with emit.if_(ins.input.equals(kind)):
            numbers = input_(emit, ins, x)
            with emit.loop(0, whole, LANES) as column:
                emit.store(numbers.at(column), target + column * 4)
            with emit.loop(whole, padded, LANES) as column:
                inside = emit.splat(emit.truncate(ins.width - column, I32)) > emit.iota()
                emit.store(masked(emit, inside, numbers.at(column)), target + column * 4)
    emit.done()
    return emit.function


class _Plain:
    """Sixteen numbers of a row at a time."""

    def __init__(self, emit: Emitter, ins: Reader, x: Value) -> None:
        self.emit, self.ins, self.x = emit, ins, x

    def at(self, column: Value) -> Value:
        return self.emit.load(F32V, self.x + column * 4)


class _Norm(_Plain):
    def __init__(self, emit: Emitter, ins: Reader, x: Value) -> None:
        super().__init__(emit, ins, x)
        epsilon = emit.truncate(ins.epsilon, I32).bits(F32)
        self.factor = emit.splat(inverse_root_mean_square(emit, x, ins.width, epsilon))

    def at(self, column: Value) -> Value:
        return super().at(column) * self.factor * self.emit.load(F32V, self.ins.weight + column * 4)


class _Swiglu(_Plain):
    def at(self, column: Value) -> Value:
        gate = self.x + column * 4
        return swiglu(self.emit, gate, gate + self.ins.up)


def _new(module: ir.Module, level: Level, name: str, parameters: int) -> Emitter:
    function = ir.Function(module, ir.FunctionType(VOID, [I64] * parameters), name)
    function.linkage = "internal"
    return Emitter(function, fused=level.fused)


def masked(emit: Emitter, inside: Value, values: Value) -> Value:
    return emit.select(inside, values, emit.constant(F32V, 0.0))


def inverse_root_mean_square(emit: Emitter, x: Value, width: Value, epsilon: Value) -> Value:
    total = emit.variable(emit.constant(F32V, 0.0))
    whole = width & -LANES
    with emit.loop(0, whole, LANES) as column:
        values = emit.load(F32V, x + column * 4)
        total.now = emit.fma(values, values, total.now)
    with emit.loop(whole, width, LANES) as column:
        inside = emit.splat(emit.truncate(width - column, I32)) > emit.iota()
        values = masked(emit, inside, emit.load(F32V, x + column * 4))
        total.now = emit.fma(values, values, total.now)
    mean = emit.reduce("add", total.now) / emit.to_float(width)
    root = emit.intrinsic("llvm.sqrt.f32", F32, mean + epsilon)
    return emit.f32(1.0) / root


def swiglu(emit: Emitter, gate: Value, up: Value) -> Value:
    """Of sixteen numbers at each of these addresses."""
    return silu(emit, emit.load(F32V, gate)) * emit.load(F32V, up)


def silu(emit: Emitter, x: Value) -> Value:
    return x / (exponential(emit, emit.constant(F32V, 0.0) - x) + 1.0)


def exponential(emit: Emitter, x: Value) -> Value:
    """e^x within 2e-7 of it for -87 <= x <= 88, the nearest of these ends beyond; NaN stays NaN.

    2^n times a polynomial on [-ln2/2, ln2/2] (the coefficients are those of Cephes' expf).
    """
    bounded = emit.select(x < -87.0, emit.constant(F32V, -87.0), x)
    bounded = emit.select(bounded > 88.0, emit.constant(F32V, 88.0), bounded)
    shifted = emit.fma(bounded, emit.constant(F32V, 1.4426950408889634), emit.constant(F32V, ROUNDER))
    n = shifted - ROUNDER
    f = emit.fma(n, emit.constant(F32V, -0.693359375), bounded)
    f = emit.fma(n, emit.constant(F32V, 2.12194440e-4), f)
    series = emit.constant(F32V, 1.9875691500e-4)
    for coefficient in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        series = emit.fma(series, f, emit.constant(F32V, coefficient))
    series = emit.fma(series, f * f, f) + 1.0
    return series * ((shifted.bits(I32V) << 23) + (127 << 23)).bits(F32V)
