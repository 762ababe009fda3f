"""Activations -> int8 in groups of 32, with what comes before it: nothing, a norm, or SwiGLU."""

from __future__ import annotations

from contextlib import AbstractContextManager

from llvmlite import ir

from galerne.kernels.native.emitter import F32, F32V, I8, I32, I32V, I64, LANES, VOID, Emitter, Value, vector
from galerne.kernels.native.forms import GROUP
from galerne.kernels.native.halves import round_to_bfloats
from galerne.kernels.native.levels import Level
from galerne.kernels.native.product import activation_addresses, quantised_apart
from galerne.kernels.native.record import CONTEXT, Reader, count_of, instruction
from galerne.kernels.native.sharing import Parts, pieces

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
    "quants",
    "scales",
    "sums",
    "scaled_sums",
    "floats",  # where the float32 numbers go too, or 0
    "floats_stride",
    "bfloats",  # bfloat16 [rows, groups * 32] for prompts' rows, or 0: quantise all rows
    "private",  # 1: when rows are few, each thread does all of them for itself, in its own memory
)

INPUT_PLAIN, INPUT_NORM, INPUT_SWIGLU = range(3)

ROUNDER, ROUNDER_BITS = 1.5 * 2.0**23, 0x4B400000
"""Added to a small number, it leaves the nearest integer in the last bits."""

ROW_CHUNK = 8
"""Rows that a thread takes at a time, at most."""


def write_quantise(module: ir.Module, level: Level) -> ir.Function:
    """The function (instruction, context, counter, thread). Few rows: each thread does all of them, for itself."""
    row = _row(module, level)
    bfloat_row = _bfloat_row(module, level)
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 4), "quantise"), fused=level.fused)
    address, context, counter, thread = emit.arguments
    ins, ctx = QUANTISE.at(emit, address), CONTEXT.at(emit, context)
    every = count_of(emit, ctx, ins.rows)
    rows = emit.select(ins.bfloats.equals(0), every, ctx.answers)
    own = quantised_apart(ins, every, rows)
    with emit.if_(own):
        private = activation_addresses(ctx.private + ctx.private_stride * thread, rows, ins.groups)
        with emit.loop(0, rows) as index:
            emit.call(row, address, index, *private)
    parts = Parts(emit, ctx, rows, divisible=rows.equals(every))
    size = parts.share(ROW_CHUNK)
    beyond = pieces(every - rows, size)
    kept = emit.select(own, emit.i64(0), emit.i64(1))
    with parts.each(counter, thread, lambda count: pieces(count, size) * kept + beyond) as (first, end, piece):
        quantised = pieces(end - first, size) * kept
        with emit.builder.if_else((piece < quantised).ir) as (then, otherwise):
            with then, _rows_of(emit, first + piece * size, size, end) as index:
                emit.call(row, address, index, ins.quants, ins.scales, ins.sums, ins.scaled_sums)
            with otherwise, _rows_of(emit, rows + (piece - quantised) * size, size, every) as index:
                emit.call(bfloat_row, address, index, index - rows)
    emit.done()
    return emit.function


def _rows_of(emit: Emitter, first: Value, size: Value, end: Value) -> AbstractContextManager[Value]:
    return emit.loop(first, emit.minimum(first + size, end))


def _norm_factor(emit: Emitter, ins: Reader, x: Value) -> Value:
    """What INPUT_NORM multiplies a row by; 1 for the other inputs."""
    factor = emit.variable(emit.f32(1.0))
    with emit.if_(ins.input.equals(INPUT_NORM)):
        epsilon = emit.truncate(ins.epsilon, I32).bits(F32)
        factor.now = inverse_root_mean_square(emit, x, ins.width, ins.groups, epsilon)
    return factor.now


def _bfloat_row(module: ir.Module, level: Level) -> ir.Function:
    """(instruction, row, its place among the prompts' rows)"""
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 3), "bfloat_row"), fused=level.fused)
    emit.function.linkage = "internal"
    address, row, place = emit.arguments
    ins = QUANTISE.at(emit, address)
    x = ins.x + row * ins.x_stride
    factor = _norm_factor(emit, ins, x)
    with emit.loop(0, ins.groups) as group:
        for half in range(2):
            numbers = _input(emit, ins, x, group, half, factor)
            target = ins.bfloats + ((place * ins.groups + group) * GROUP + half * LANES) * 2
            emit.store(round_to_bfloats(emit, numbers), target)
    emit.done()
    return emit.function


def _row(module: ir.Module, level: Level) -> ir.Function:
    """(instruction, row, quants, scales, sums, scaled sums of all rows)"""
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 6), "quantise_row"), fused=level.fused)
    emit.function.linkage = "internal"
    address, row, quants, scales, sums, scaled_sums = emit.arguments
    ins = QUANTISE.at(emit, address)
    x, groups = ins.x + row * ins.x_stride, ins.groups
    factor = _norm_factor(emit, ins, x)
    with emit.loop(0, groups) as group:
        low, high = (_input(emit, ins, x, group, half, factor) for half in range(2))
        with emit.if_(ins.floats.differs(0)):
            floats = ins.floats + row * ins.floats_stride + group * GROUP * 4
            emit.store(low, floats)
            emit.store(high, floats + 64)
        at = row * groups + group
        quantise_group(emit, low, high, quants + at * GROUP, scales + at * 4, sums + at * 4, scaled_sums + at * 4)
    emit.done()
    return emit.function


def _input(emit: Emitter, ins: Reader, x: Value, group: Value, half: int, factor: Value) -> Value:
    """Sixteen numbers of the row; zeros beyond its width."""
    column = group * GROUP + half * LANES
    inside = emit.splat(emit.truncate(ins.width - column, I32)) > emit.iota()
    values = emit.variable(masked(emit, inside, emit.load(F32V, x + column * 4)))
    with emit.if_(ins.input.equals(INPUT_NORM)):
        values.now = values.now * emit.splat(factor) * emit.load(F32V, ins.weight + column * 4)
    with emit.if_(ins.input.equals(INPUT_SWIGLU)):
        up = masked(emit, inside, emit.load(F32V, x + ins.up + column * 4))
        values.now = silu(emit, values.now) * up
    return values.now


def masked(emit: Emitter, inside: Value, values: Value) -> Value:
    return emit.select(inside, values, emit.constant(F32V, 0.0))


def inverse_root_mean_square(emit: Emitter, x: Value, width: Value, groups: Value, epsilon: Value) -> Value:
    total = emit.variable(emit.constant(F32V, 0.0))
    with emit.loop(0, groups * 2) as part:
        inside = emit.splat(emit.truncate(width - part * LANES, I32)) > emit.iota()
        values = masked(emit, inside, emit.load(F32V, x + part * 64))
        total.now = emit.fma(values, values, total.now)
    mean = emit.reduce("add", total.now) / emit.to_float(width)
    root = emit.intrinsic("llvm.sqrt.f32", F32, mean + epsilon)
    return emit.f32(1.0) / root


def quantise_group(
    emit: Emitter, low: Value, high: Value, quants: Value, scale_at: Value, sum_at: Value, scaled_sum_at: Value
) -> None:
    """q = round(x * 127 / max|x|)."""
    largest = largest_size(emit, low, high)
    scale = largest * (1.0 / 127.0)
    inverse = emit.select(largest > 0.0, emit.f32(127.0) / largest, emit.f32(0.0))
    total = emit.constant(I32V, 0)
    for half, values in enumerate((low, high)):
        steps = whole_steps(emit, values, inverse)
        emit.store(emit.truncate(steps, vector(I8)), quants + half * LANES)
        total = total + steps
    count = emit.reduce("add", total)
    emit.store(scale, scale_at)
    emit.store(emit.constant(I32, 0) - count, sum_at)
    emit.store(scale * emit.to_float(count), scaled_sum_at)


def largest_size(emit: Emitter, low: Value, high: Value) -> Value:
    """max|x| of 32 numbers; NaN if one of them is not finite, so that it is not lost.

    By their bits, which for those that are not finite are the largest.
    """
    sizes = [x.bits(I32V) & 0x7FFFFFFF for x in (low, high)]
    largest = emit.reduce("max", emit.maximum(sizes[0], sizes[1])).bits(F32)
    return largest + largest * 0.0


def whole_steps(emit: Emitter, values: Value, inverse: Value) -> Value:
    """round(x * inverse) from -127 to 127, as int32; of NaN, one of these."""
    scaled = emit.minimum(values * emit.splat(inverse), emit.constant(F32V, 127.0))
    bounded = emit.maximum(scaled, emit.constant(F32V, -127.0))
    return (bounded + ROUNDER).bits(I32V) - ROUNDER_BITS


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
