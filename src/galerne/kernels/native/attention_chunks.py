"""Attention in bfloat16: queries, cache and weights are rounded to it, sums are float32.

A unit takes a whole chunk of the cache at once: all scores, then their softmax, then the weighted sum. The two products
are a subclass's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from llvmlite import ir

from galerne.kernels.batch import BLOCK
from galerne.kernels.native.attention import ATTENTION, CHUNK, NOTHING, Attention, Chunk, stored_block
from galerne.kernels.native.attention_softmax import LOG2_E, power
from galerne.kernels.native.cache import PAIRS
from galerne.kernels.native.emitter import F32, F32V, I16, I32, I32V, LANES, Emitter, Value, vector
from galerne.kernels.native.halves import round_to_bfloats
from galerne.kernels.native.record import Reader


class ChunkAttention(Attention):
    """Writes the units."""

    @abstractmethod
    def scores(self) -> ir.Function:
        """The function (instruction, private, rows, cache of the head, block table, keys).

        scores[row][key] = q[row] . keys[key], of whole blocks of keys.
        """

    @abstractmethod
    def weigh(self) -> ir.Function:
        """The function with the same parameters: part[row] = weights[row] @ values."""

    def scratch(self, private: Value, rows: Value, ins: Reader) -> Scratch:
        return Scratch(private, rows, ins)

    def chunk(self) -> Callable[[Emitter, Chunk], None]:
        softmax, tail, scores, weigh = self._softmax(), self._tail(), self.scores(), self.weigh()

        def compute(emit: Emitter, chunk: Chunk) -> None:
            unit = (chunk.address, chunk.private, chunk.rows)
            stored = (chunk.cache, chunk.blocks, chunk.count)
            emit.call(scores, *unit, *stored)
            emit.call(softmax, *unit, chunk.position, chunk.start, chunk.count)
            emit.call(tail, *unit, *stored)
            emit.call(weigh, *unit, *stored)

        return compute

    def queries(self) -> ir.Function:
        """Scaled, in bfloat16."""
        emit = self._new("attention_queries", 5)
        address, private, first, rows, head = emit.arguments
        ins = ATTENTION.at(emit, address)
        target = Scratch(private, rows, ins).q
        scale = emit.splat(emit.truncate(ins.scale, I32).bits(F32))
        with emit.loop(0, rows) as row, emit.loop(0, ins.width, LANES) as d:
            column = (head * ins.group + row % ins.group) * ins.head_dim + d
            inside = emit.splat(emit.truncate(ins.head_dim - d, I32)) > emit.iota()
            numbers = emit.load(F32V, ins.q + (first + row // ins.group) * ins.q_stride + column * 4)
            numbers = emit.select(inside, numbers * scale, emit.constant(F32V, 0.0))
            emit.store(round_to_bfloats(emit, numbers), target + (row * ins.width + d) * 2)
        emit.done()
        return emit.function

    def _softmax(self) -> ir.Function:
        """(instruction, private, rows, first row's position, first key's position, keys): scores -> weights, stats."""
        one = self._softmax_row()
        emit = self._new("attention_softmax", 6)
        address, private, rows, position, start, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at = Scratch(private, rows, ins)
        padded = (count + BLOCK - 1) & -BLOCK
        with emit.loop(0, rows) as row:
            mine = position + row // ins.group - start
            end = emit.minimum(emit.maximum(mine + 1, 0), padded)
            first = emit.select(ins.window > 0, emit.maximum(mine - ins.window + 1, 0), emit.i64(0))
            first = emit.minimum(first, end)
            scores, weights = at.scores + row * (CHUNK * 4), at.weights + row * (CHUNK * 2)
            emit.call(one, scores, weights, at.stats + row * 8, first, end, padded)
        emit.done()
        return emit.function

    def _softmax_row(self) -> ir.Function:
        """(scores, weights, stats, first key seen, end of them, keys padded): what is not seen weighs nothing."""
        emit = self._new("attention_softmax_row", 6)
        scores, weights, stats, first, end, padded = emit.arguments
        begin, whole = first & -LANES, end & -LANES
        inner = emit.minimum((first + LANES - 1) & -LANES, whole)

        def score(key: Value) -> Value:
            return emit.load(F32V, scores + key * 4)

        def seen(key: Value) -> Value:
            index = emit.iota() + emit.splat(emit.truncate(key, I32))
            ends = (emit.splat(emit.truncate(x, I32)) for x in (first, end))
            return (index >= next(ends)) & (index < next(ends))

        def put(key: Value, weight: Value) -> None:
            bits = (weight.bits(I32V) + 0x8000) >> 16  # to the nearest bfloat16: no weight is negative
            emit.store(emit.truncate(bits, vector(I16)), weights + key * 2)

        edges = ((begin, inner), (emit.maximum(inner, whole), end))  # at most one vector each, partly seen
        best = emit.variables(4, emit.constant(F32V, NOTHING))
        for start, stop in edges:
            with emit.loop(start, stop, LANES) as key:
                some = emit.select(seen(key), score(key), emit.constant(F32V, NOTHING))
                best[0].now = emit.maximum(best[0].now, some)
        fours = inner + ((whole - inner) & -(4 * LANES))
        with emit.loop(inner, fours, 4 * LANES) as key:
            for number, one in enumerate(best):
                one.now = emit.maximum(one.now, score(key + number * LANES))
        with emit.loop(fours, whole, LANES) as key:
            best[0].now = emit.maximum(best[0].now, score(key))
        upper, lower = (emit.maximum(best[i].now, best[i + 2].now) for i in range(2))
        largest = emit.reduce("max", emit.maximum(upper, lower))
        ceiling = emit.splat(largest * -LOG2_E)

        def weigh(key: Value) -> Value:
            return power(emit, emit.fma(score(key), emit.constant(F32V, LOG2_E), ceiling))

        total = emit.variable(emit.constant(F32V, 0.0))
        zero = emit.constant(F32V, 0.0)
        for start, stop in ((emit.i64(0), begin), ((end + LANES - 1) & -LANES, padded)):
            with emit.loop(start, stop, LANES) as key:
                put(key, zero)
        for start, stop in edges:
            with emit.loop(start, stop, LANES) as key:
                weight = emit.select(seen(key), weigh(key), zero)
                total.now = total.now + weight
                put(key, weight)
        with emit.loop(inner, fours, 4 * LANES) as key:
            for number in range(4):
                weight = weigh(key + number * LANES)
                total.now = total.now + weight
                put(key + number * LANES, weight)
        with emit.loop(fours, whole, LANES) as key:
            weight = weigh(key)
            total.now = total.now + weight
            put(key, weight)
        emit.store(largest, stats)
        emit.store(emit.reduce("add", total.now), stats + 4)
        emit.done()
        return emit.function

    def _tail(self) -> ir.Function:
        """(instruction, private, rows, cache of the head, block table, keys): copy the last block's values.

        Zeros stand for the slots beyond the last key: what they hold may be another sequence's, or not a number.
        """
        emit = self._new("attention_tail", 6)
        address, private, rows, cache, blocks, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at = Scratch(private, rows, ins)
        whole = count & -BLOCK
        left = count - whole
        with emit.if_(left > 0):
            values = stored_block(emit, ins, cache, blocks, whole) + ins.width * PAIRS.values
            with emit.loop(0, BLOCK // 2) as pair:
                both, one = left > pair * 2 + 1, left > pair * 2
                mask = emit.select(one, emit.constant(I32, 0xFFFF), emit.constant(I32, 0))
                mask = emit.splat(emit.select(both, emit.constant(I32, -1), mask))
                with emit.loop(0, ins.width, LANES) as d:
                    place = (pair * ins.width + d) * 4
                    emit.store(emit.load(I32V, values + place) & mask, at.last + place)
        emit.done()
        return emit.function


def private_bytes(rows: int, width: int) -> int:
    """Private memory for a unit of `rows` rows of heads of `width` numbers."""
    own = rows * (CHUNK * 6 + width * 10 + 16) + width * (BLOCK * 2)
    return own + CHUNK // BLOCK * 8


class Scratch:
    """Addresses in a thread's private memory while it works on one unit."""

    def __init__(self, private: Value, rows: Value, ins: Reader) -> None:
        width = ins.width
        self.scores = private  # float32 [rows, CHUNK]
        self.weights = self.scores + rows * (CHUNK * 4)  # bfloat16 [rows, CHUNK]
        self.last = self.weights + rows * (CHUNK * 2)  # bfloat16 [16 pairs, width, 2]: the last block's values
        self.part = self.last + width * (2 * BLOCK)  # float32 [rows, width]: of this chunk
        self.total = self.part + rows * width * 4  # of all chunks so far
        self.q = self.total + rows * width * 4  # bfloat16 [rows, width]
        self.stats = self.q + rows * width * 2  # float32 [rows, 2]: largest score, sum of weights
        self.total_stats = self.stats + rows * 8
        self.places = self.total_stats + rows * 8  # int64 [blocks of a chunk]: where their values are
