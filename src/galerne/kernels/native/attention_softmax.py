"""The softmax of attention in 8 bits: a row's scores of one chunk -> bytes."""

from __future__ import annotations

from math import log

from galerne.kernels.batch import BLOCK
from galerne.kernels.native.attention import CHUNK, NOTHING
from galerne.kernels.native.emitter import F32, F32V, I8, I32, I32V, LANES, Emitter, Value, vector
from galerne.kernels.native.quantise_groups import ROUNDER

BLOCKS = CHUNK // BLOCK
assert BLOCKS == LANES, "a block's largest score is a lane of one vector"

HIDDEN = NOTHING / 10
"""The least of what a block's largest score is: all scores that are not seen are far below it."""

LARGEST = 255.0

FACTOR_BYTES = 2 * 4 * BLOCKS
"""Of a row: what the weights of each block are worth, and the largest score of each."""


class ByteSoftmax:
    """Writes the function (scores, inverses of the values' scales, weights, factors, stats, first key seen, end of
    them, keys). Scores are logarithms to base 2; `stats` gets the largest one to base e."""

    def __init__(self, emit: Emitter) -> None:
        self.emit, self.function = emit, emit.function
        self.scores, self.inverses, self.weights, self.factors, stats, first, end, count = emit.arguments
        self._hide(first, end)
        largest = self._largest()
        ceiling = emit.reduce("max", largest)
        emit.store(power(emit, largest - emit.splat(ceiling)), self.factors)
        total = emit.variable(emit.constant(F32V, 0.0))
        with emit.loop(0, count, BLOCK) as key:
            total.now = self._block(key, total.now)
        emit.store(ceiling * log(2.0), stats)
        emit.store(emit.reduce("add", total.now), stats + 4)
        emit.done()

    def _hide(self, first: Value, end: Value) -> None:
        """Replace the scores of keys that are not seen, up to the end of the chunk."""
        emit = self.emit
        nothing = emit.constant(F32V, NOTHING)
        for start, stop in ((emit.i64(0), first), ((end & -LANES), emit.i64(CHUNK))):
            with emit.loop(start, stop, LANES) as key:
                index = emit.iota() + emit.splat(emit.truncate(key, I32))
                low, high = (emit.splat(emit.truncate(x, I32)) for x in (first, end))
                place = self.scores + key * 4
                emit.store(emit.select((index >= low) & (index < high), emit.load(F32V, place), nothing), place)

    def _largest(self) -> Value:
        """The largest score of each block."""
        emit = self.emit
        best = []
        for block in range(BLOCKS):
            low, high = (emit.load(F32V, self.scores + block * (4 * BLOCK) + half * 64) for half in range(2))
            best.append(emit.maximum(low, high))
        largest = emit.maximum(emit.reduce_each("max", best), emit.constant(F32V, HIDDEN))
        emit.store(largest, self.factors + 4 * BLOCKS)
        return largest

    def _block(self, key: Value, total: Value) -> Value:
        emit = self.emit
        block = self.factors + (key // BLOCK) * 4
        ceiling = emit.splat(emit.load(F32, block + 4 * BLOCKS))
        part = emit.constant(F32V, 0.0)
        for half in range(2):
            place = key + half * LANES
            weight = power(emit, emit.load(F32V, self.scores + place * 4) - ceiling, LARGEST)
            part = emit.fma(weight, emit.load(F32V, self.inverses + place * 4), part)
            emit.store(emit.truncate((weight + ROUNDER).bits(I32V), vector(I8)), self.weights + place)
        return emit.fma(part, emit.splat(emit.load(F32, block)), total)


def power(emit: Emitter, x: Value, times: float = 1.0) -> Value:
    """times * 2^x within 8e-5 of it for x from -120 to 0, as if it was -120 below that; NaN stays NaN.

    2^n times a polynomial on [-1/2, 1/2] of least relative error (by Remez's algorithm).
    """
    bounded = emit.maximum(emit.constant(F32V, -120.0), x)
    shifted = bounded + ROUNDER
    f = bounded - (shifted - ROUNDER)
    first, *rest = (coefficient * times for coefficient in (0.05517167, 0.24261112, 0.69326099, 0.99992807))
    series = emit.constant(F32V, first)
    for coefficient in rest:
        series = emit.fma(series, f, emit.constant(F32V, coefficient))
    return (series.bits(I32V) + (shifted.bits(I32V) << 23)).bits(F32V)
