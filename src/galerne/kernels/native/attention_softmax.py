"""The softmax of attention in 8 bits: a row's scores of one chunk, logarithms to base 2 -> bytes.

It takes two functions, so that rows do not wait for each other's largest scores.
"""

from __future__ import annotations

from math import e, log, log2

from galerne.kernels.batch import BLOCK
from galerne.kernels.native.attention import CHUNK, NOTHING
from galerne.kernels.native.emitter import F32, F32V, I8, I16, I32, I32V, LANES, Emitter, Value, vector
from galerne.kernels.native.quantise_groups import ROUNDER

BLOCKS = CHUNK // BLOCK
assert BLOCKS == LANES, "a block's largest score is a lane of one vector"

HIDDEN = NOTHING / 10
"""The least of what a block's largest score is: all scores that are not seen are far below it."""

LARGEST = 255.0

LOG2_E = log2(e)

FACTOR_BYTES = 2 * 4 * BLOCKS
"""Of a row: what the weights of each block are worth, and the largest score of each."""


def write_largest(emit: Emitter) -> None:
    """(scores, factors, stats, first key seen, end of them, keys): hide the others' scores; find each block's largest.

    `stats` gets the largest of all, to base e. Blocks beyond the keys hold what another row left there.
    """
    scores, factors, stats, first, end, count = emit.arguments
    _hide(emit, scores, first, end, (count + (BLOCK - 1)) & -BLOCK)
    best = []
    for block in range(BLOCKS):
        low, high = (emit.load(F32V, scores + block * (4 * BLOCK) + half * (4 * LANES)) for half in range(2))
        best.append(emit.maximum(low, high))
    hidden = emit.constant(F32V, HIDDEN)
    computed = emit.splat(emit.truncate(count + (BLOCK - 1), I32)) >= (emit.iota() + 1) * BLOCK
    largest = emit.select(computed, emit.maximum(emit.reduce_each("max", best), hidden), hidden)
    ceiling = emit.reduce("max", largest)
    emit.store(power(emit, largest - emit.splat(ceiling)), factors)
    emit.store(largest, factors + 4 * BLOCKS)
    emit.store(ceiling * log(2.0), stats)
    emit.done()


def _hide(emit: Emitter, scores: Value, first: Value, end: Value, last: Value) -> None:
    """All scores before `last` but those from `first` to `end`."""
    nothing = emit.constant(F32V, NOTHING)
    for start, stop in ((emit.i64(0), first), ((end & -LANES), last)):
        with emit.loop(start, stop, LANES) as key:
            index = emit.iota() + emit.splat(emit.truncate(key, I32))
            low, high = (emit.splat(emit.truncate(x, I32)) for x in (first, end))
            place = scores + key * 4
            emit.store(emit.select((index >= low) & (index < high), emit.load(F32V, place), nothing), place)


def write_weights(emit: Emitter) -> None:
    """(scores, inverses of the values' scales, weights, factors, stats, keys): `stats` gets the weights' sum."""
    scores, inverses, weights, factors, stats, count = emit.arguments
    total = emit.variable(emit.constant(F32V, 0.0))
    with emit.loop(0, count, BLOCK) as key:
        block = factors + (key // BLOCK) * 4
        ceiling = emit.splat(emit.load(F32, block + 4 * BLOCKS))
        part = emit.constant(F32V, 0.0)
        for half in range(2):
            place = key + half * LANES
            weight = power(emit, emit.load(F32V, scores + place * 4) - ceiling, LARGEST)
            part = emit.fma(weight, emit.load(F32V, inverses + place * 4), part)
            emit.store(emit.truncate((weight + ROUNDER).bits(I32V), vector(I8)), weights + place)
        total.now = emit.fma(part, emit.splat(emit.load(F32, block)), total.now)
    emit.store(emit.reduce("add", total.now), stats + 4)
    emit.done()


def power(emit: Emitter, x: Value, times: float = 1.0) -> Value:
    """times * 2^x within 8e-5 of it, by AVX-512's own scaling by powers of two; NaN stays NaN.

    2^n times a polynomial on [-1/2, 1/2] of least relative error (by Remez's algorithm).
    """
    n = emit.intrinsic("llvm.roundeven.v16f32", F32V, x)
    f = x - n
    first, *rest = (coefficient * times for coefficient in (0.05517167, 0.24261112, 0.69326099, 0.99992807))
    series = emit.constant(F32V, first)
    for coefficient in rest:
        series = emit.fma(series, f, emit.constant(F32V, coefficient))
    every_lane, rounding = emit.constant(I16, -1), emit.constant(I32, 4)  # the current one
    return emit.intrinsic("llvm.x86.avx512.mask.scalef.ps.512", F32V, series, n, series, every_lane, rounding)
