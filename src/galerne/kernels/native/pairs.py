"""Products of two activations and two weights from one multiplication, for CPUs that add beside multiplying.

S. Winograd, "A new algorithm for inner product", IEEE Transactions on Computers C-17 (1968):

    (a + v) (b + w)  =  a w + b v  +  a b + v w

so two additions and one multiplication do for two multiplications. What is too much belongs to the activations alone
or to the weights alone, and is counted once for all products. a and w are number i, b and v number i + 16 of a group of
32; its last four such couples are multiplied as ever, which leaves multiplications and additions about as many units.

Bytes hold both factors, as activations are at most LARGEST_QUANT and weights 0..15; vpdpbusd wants one without a sign:

    (a + (v - 8)) (b + LARGEST_QUANT + w)

All of it is whole numbers, so that these products are the same bits as any others.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from galerne.kernels.native.emitter import BYTES, I32, I32V, I64, LANES, VOID, Emitter, Value, vector
from galerne.kernels.native.forms import ACTIVATIONS, GROUP, LARGEST_QUANT, MIDDLE
from galerne.kernels.native.levels import Level

COUPLES = 3
"""Fours of a group's first half that are multiplied with the same of its second half."""

QUADS = 4
"""Fours in half a group."""


def write_pairing(module: ir.Module, level: Level) -> ir.Function:
    """The function (groups, ACTIVATIONS): fills in what is paired of them."""
    name = "pair_groups"
    if name in module.globals:
        return module.globals[name]
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * (1 + len(ACTIVATIONS))), name), fused=level.fused)
    emit.function.linkage = "internal"
    groups, quants, _, sums, _, to_quants, to_sums = emit.arguments
    whole = groups & -LANES
    with emit.loop(0, whole, LANES) as group:
        excess = []
        for place in range(0, LANES * GROUP, 2 * GROUP):
            numbers = emit.load(BYTES, quants + group * GROUP + place)
            emit.store(numbers + _bias(emit), to_quants + group * GROUP + place)
            excess.append(_excess(emit, level, numbers))
        upper = emit.load(I32V, sums + group * 4) << 16
        emit.store(upper - emit.reduce_each("add", excess), to_sums + group * 4)
    with emit.loop(whole, groups) as group:
        half = vector(I64, 4)
        one = emit.load(half, quants + group * GROUP)
        numbers = emit.pick(one, emit.constant(half, 0), range(8)).bits(BYTES)
        paired = (numbers + _bias(emit)).bits(vector(I64, 8)).shuffle(range(4))
        emit.store(paired, to_quants + group * GROUP)
        upper = emit.load(I32, sums + group * 4) << 16
        emit.store(upper - emit.reduce("add", _excess(emit, level, numbers)), to_sums + group * 4)
    emit.done()
    return emit.function


def _bias(emit: Emitter) -> Value:
    """What the quants of two groups are stored with."""
    return _fours(emit, [0] * QUADS + [LARGEST_QUANT] * COUPLES + [0] * (QUADS - COUPLES)).bits(BYTES)


def _excess(emit: Emitter, level: Level, quants: Value) -> Value:
    """What the dot products of two groups have too much, each in eight lanes: a (b + 128) of couples, 8 a of others.

    128 is LARGEST_QUANT and 8 more, as weights are 8 less than they are stored.
    """
    left = QUADS - COUPLES
    partners = quants.bits(I32V).shuffle([lane ^ QUADS for lane in range(LANES)])
    taken = partners & _fours(emit, [0xFF] * COUPLES + [0] * (left + QUADS))
    factors = taken ^ _fours(emit, [0x80] * COUPLES + [MIDDLE] * left + [0] * COUPLES + [MIDDLE] * left)
    return level.dot(emit, emit.constant(I32V, 0), factors.bits(BYTES), quants)


def _fours(emit: Emitter, numbers: Sequence[int]) -> Value:
    """Each number in four bytes, for two groups."""
    return emit.numbers([number * 0x01010101 for number in numbers] * 2)


def pair_weights(emit: Emitter, level: Level, first: Value, second: Value, start: Value) -> tuple[Value, Value]:
    """Of weights 0..15, four for each of 16 outputs, and their partners: what the partners are stored as; and `start`
    less what the products of these have too much."""
    return second - MIDDLE, level.dot(emit, start, first + LARGEST_QUANT, emit.constant(BYTES, MIDDLE) - second)
