"""float32 -> int8 in groups of 32: q = round(x * 120 / max|x|).

Sixteen groups at a time, whose largest numbers, scales and sums are each a lane of a vector; what is left of a row, a
group at a time. Both ways give the same numbers. Sums are kept times -8, in both halves of 32 bits: products with
weights of 4 bits start there.
"""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.native.emitter import F32, F32V, I8, I16, I32V, I64, LANES, VOID, Emitter, Value, vector
from galerne.kernels.native.forms import GROUP, LARGEST_QUANT, MIDDLE, QUANTISED
from galerne.kernels.native.levels import Level

ROUNDER, ROUNDER_BITS = 1.5 * 2.0**23, 0x4B400000
"""Added to a small number, it leaves the nearest integer in the last bits."""

BOTH_HALVES = 0x10001
"""Times this, a small number is in both halves of 32 bits; a negative lower one takes 1 from the upper."""

TOGETHER = LANES
"""Groups that are quantised at once."""


def write_groups(module: ir.Module, level: Level) -> ir.Function:
    """The function (floats, groups, QUANTISED)."""
    name = "quantise_groups"
    if name in module.globals:
        return module.globals[name]
    several = _sixteen(module, level)
    parameters = 2 + len(QUANTISED)
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * parameters), name), fused=level.fused)
    emit.function.linkage = "internal"
    floats, groups, quants, scales, sums, scaled_sums = emit.arguments

    def at(group: Value) -> list[Value]:
        lists = [address + group * 4 for address in (scales, sums, scaled_sums)]
        return [floats + group * (GROUP * 4), quants + group * GROUP, *lists]

    whole = groups & -TOGETHER
    with emit.loop(0, whole, TOGETHER) as group:
        emit.call(several, *at(group))
    with emit.loop(whole, groups) as group:
        _one(emit, *at(group))
    emit.done()
    return emit.function


def _sixteen(module: ir.Module, level: Level) -> ir.Function:
    """(floats, quants, scales, sums, scaled sums)"""
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 5), "quantise_sixteen"), fused=level.fused)
    emit.function.linkage = "internal"
    floats, quants, scales, sums, scaled_sums = emit.arguments
    groups = [(floats + group * (GROUP * 4), quants + group * GROUP) for group in range(TOGETHER)]
    sizes = [_size(emit, *_halves(emit, numbers)) for numbers, _ in groups]
    scale, inverse = _scale(emit, emit.reduce_each("max", sizes))
    emit.store(scale, scales)
    totals = []
    for group, (numbers, target) in enumerate(groups):
        steps = inverse.shuffle([group] * LANES)
        totals.append(_quantise(emit, _halves(emit, numbers), steps, target))
    count = emit.reduce_each("add", totals)
    emit.store(count * (-MIDDLE * BOTH_HALVES), sums)
    emit.store(scale * emit.to_float(count), scaled_sums)
    emit.done()
    return emit.function


def _one(emit: Emitter, floats: Value, quants: Value, scales: Value, sums: Value, scaled_sums: Value) -> None:
    numbers = _halves(emit, floats)
    scale, inverse = _scale(emit, emit.reduce("max", _size(emit, *numbers)))
    count = emit.reduce("add", _quantise(emit, numbers, emit.splat(inverse), quants))
    emit.store(scale, scales)
    emit.store(count * (-MIDDLE * BOTH_HALVES), sums)
    emit.store(scale * emit.to_float(count), scaled_sums)


def _halves(emit: Emitter, floats: Value) -> tuple[Value, Value]:
    return emit.load(F32V, floats), emit.load(F32V, floats + 4 * LANES)


def _size(emit: Emitter, low: Value, high: Value) -> Value:
    """The bits of the larger |x| in each lane: those of numbers that are not finite are the largest."""
    sizes = [x.bits(I32V) & 0x7FFFFFFF for x in (low, high)]
    return emit.maximum(sizes[0], sizes[1])


def _scale(emit: Emitter, bits: Value) -> tuple[Value, Value]:
    """(scale, what numbers are multiplied by) of groups whose max|x| has these bits."""
    largest = largest_number(bits)
    none = emit.constant(largest.type, 0.0)
    inverse = emit.select(largest > 0.0, emit.constant(largest.type, float(LARGEST_QUANT)) / largest, none)
    return largest * (1.0 / LARGEST_QUANT), inverse


def _quantise(emit: Emitter, numbers: tuple[Value, Value], inverse: Value, quants: Value) -> Value:
    """Store a group; returns what adds up to its sum."""
    steps = [whole_steps(emit, half, inverse, LARGEST_QUANT) for half in numbers]
    for number, half in enumerate(steps):
        emit.store(emit.truncate(half, vector(I8)), quants + number * LANES)
    return steps[0] + steps[1]


def count_in(emit: Emitter, sums: Value) -> Value:
    """A group's count: the lower half of what is stored as its sum."""
    return emit.extend(emit.truncate(sums, vector(I16)), I32V, signed=True)


def largest_size(emit: Emitter, low: Value, high: Value) -> Value:
    """max|x| of 32 numbers; NaN if one of them is not finite, so that it is not lost."""
    return largest_number(emit.reduce("max", _size(emit, low, high)))


def largest_number(bits: Value) -> Value:
    """float32 of the bits of max|x|; infinity becomes NaN."""
    largest = bits.bits(vector(F32) if isinstance(bits.type, ir.VectorType) else F32)
    return largest + largest * 0.0


def whole_steps(emit: Emitter, values: Value, inverse: Value, largest: int) -> Value:
    """round(x * inverse) from -largest to largest, as int32; of NaN, one of these."""
    scaled = emit.minimum(values * inverse, emit.constant(F32V, float(largest)))
    bounded = emit.maximum(scaled, emit.constant(F32V, -float(largest)))
    return (bounded + ROUNDER).bits(I32V) - ROUNDER_BITS
