"""Attention in 8 bits: both products are integer dot products of bytes, with a cache in 8 bits as it is.

Queries are quantised as activations are, in groups of 32, and what a softmax gives in blocks of 32 positions: to
0..255, where 255 is the largest of a row's block. The scale that a position's values share is part of that, as its
logarithm is added to the score; so a position counts as much as it adds to the result, and the sum of the softmax
divides by it again.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from galerne.kernels.batch import BLOCK
from galerne.kernels.interface import CACHE_GROUP
from galerne.kernels.native.attention import ATTENTION, CHUNK, Attention, Chunk, stored_block
from galerne.kernels.native.attention_softmax import FACTOR_BYTES, LOG2_E, write_largest, write_weights
from galerne.kernels.native.emitter import BYTES, F32, F32V, I32, I32V, I64, LANES, Emitter, Value
from galerne.kernels.native.forms import MIDDLE
from galerne.kernels.native.halves import load_halves
from galerne.kernels.native.quantise_groups import count_in
from galerne.kernels.native.record import Reader

HEIGHTS = (6, 4, 3, 2, 1)
"""Rows of a register tile: six rows take 12 registers for integer sums, and 12 for those of float32."""

ROWS = 12
"""Rows that go through a chunk together: their scores fit into the first-level cache."""

QUAD = 4
"""Bytes, which a dot product adds up."""

LOG2 = (-0.02542924, 0.1207362, -0.2769614, 0.4572208, -0.7181115, 1.442544, 3.594543e-07)


class ByteAttention(Attention):
    """Writes the units."""

    def scratch(self, private: Value, rows: Value, ins: Reader) -> Scratch:
        return Scratch(private, rows, ins)

    def chunk(self) -> Callable[[Emitter, Chunk], None]:
        prepare, scores, softmax, weigh = self._prepare(), self._scores(), self._softmax(), self._weigh()

        def compute(emit: Emitter, chunk: Chunk) -> None:
            unit, count = (chunk.address, chunk.private, chunk.rows), chunk.count
            emit.call(prepare, *unit, chunk.cache, chunk.blocks, count)
            with emit.loop(0, chunk.rows, ROWS) as row:
                some = emit.minimum(chunk.rows - row, ROWS)
                emit.call(scores, *unit, row, some, count)
                emit.call(softmax, *unit, row, some, chunk.position, chunk.start, count)
                emit.call(weigh, *unit, row, some, count)

        return compute

    def queries(self) -> ir.Function:
        """In 8 bits. Their scales are those of scores whose exponentials are powers of two."""
        quantise = self.module.globals["quantise_groups"]
        emit = self._new("attention_queries", 5)
        address, private, first, rows, head = emit.arguments
        ins = ATTENTION.at(emit, address)
        at = Scratch(private, rows, ins)
        scale = emit.splat(emit.truncate(ins.scale, I32).bits(F32) * LOG2_E)
        with emit.loop(0, rows) as row, emit.loop(0, ins.width, LANES) as d:
            column = (head * ins.group + row % ins.group) * ins.head_dim + d
            inside = emit.splat(emit.truncate(ins.head_dim - d, I32)) > emit.iota()
            numbers = emit.load(F32V, ins.q + (first + row // ins.group) * ins.q_stride + column * 4)
            numbers = emit.select(inside, numbers * scale, emit.constant(F32V, 0.0))
            emit.store(numbers, at.total + (row * ins.width + d) * 4)
        groups = rows * (ins.width // CACHE_GROUP)
        emit.call(quantise, at.total, groups, at.q, at.q_scales, at.q_sums, at.part)
        with emit.loop(0, groups, LANES) as group:
            place = at.q_sums + group * 4
            emit.store(count_in(emit, emit.load(I32V, place)) * (128 // MIDDLE), place)
        emit.done()
        return emit.function

    def _prepare(self) -> ir.Function:
        """(instruction, private, rows, cache of the head, block table, keys): where blocks are; their scales."""
        emit = self._new("attention_prepare", 6)
        address, private, rows, cache, blocks, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at, width, storage = Scratch(private, rows, ins), ins.width, self.storage
        with emit.loop(0, count, BLOCK) as key:
            block = stored_block(emit, ins, cache, blocks, key)
            emit.store(block, at.places + (key // BLOCK) * 8)
            with emit.loop(0, width // CACHE_GROUP) as group:
                for half in range(2):
                    scales = block + width * storage.key_scales + group * (2 * BLOCK) + half * (2 * LANES)
                    target = at.key_scales + (group * CHUNK + key + half * LANES) * 4
                    emit.store(load_halves(emit, self.level, scales), target)
            for half in range(2):
                scale = load_halves(emit, self.level, block + width * storage.head + half * (2 * LANES))
                good = (scale > 0.0) & (scale < float("inf"))
                sound = emit.select(good, scale, emit.constant(F32V, 1.0))
                place = (key + half * LANES) * 4
                emit.store(_log2(emit, sound) + scale * 0.0, at.logarithms + place)  # what is not finite stays that
                emit.store(emit.constant(F32V, 1.0) / sound, at.inverses + place)
        emit.done()
        return emit.function

    def _scores(self) -> ir.Function:
        """(instruction, private, rows, first of some rows, how many, keys): their scores."""
        emit = self._new("attention_scores", 6)
        address, private, rows, first, some, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at, groups = Scratch(private, rows, ins), ins.width // CACHE_GROUP
        tiles = {height: self._score_tile(height) for height in HEIGHTS}
        with emit.loop(0, count, BLOCK) as key:
            keys = emit.load(I64, at.places + (key // BLOCK) * 8)
            done = emit.variable(emit.i64(0))
            for height, tile in tiles.items():
                with emit.while_(lambda height=height: some - done.now >= height):
                    row = first + done.now
                    q = [at.q + row * ins.width, at.q_scales + row * groups * 4, at.q_sums + row * groups * 4]
                    scales, logarithms = (x + key * 4 for x in (at.key_scales, at.logarithms))
                    scores = at.scores + (done.now * CHUNK + key) * 4
                    emit.call(tile, *q, keys, scales, logarithms, scores, ins.width)
                    done.now = done.now + height
        emit.done()
        return emit.function

    def _score_tile(self, height: int) -> ir.Function:
        """(queries, their scales, their sums, keys, their scales, logarithms of the values' scales, scores, width)"""
        emit = self._new(f"attention_scores_{height}", 8)
        q, q_scales, q_sums, keys, scales, logarithms, scores, width = emit.arguments
        groups = width // CACHE_GROUP
        totals = [[emit.variable(emit.load(F32V, logarithms + half * 64)) for half in range(2)] for _ in range(height)]
        with emit.loop(0, groups) as group:
            starts = [emit.splat(emit.load(I32, q_sums + (groups * r + group) * 4)) for r in range(height)]
            sums = [emit.variables(2, start) for start in starts]
            with emit.loop(0, CACHE_GROUP, QUAD) as d:
                place = keys + (group * CACHE_GROUP + d) * BLOCK
                columns = [emit.load(BYTES, place + half * 64) for half in range(2)]
                for r in range(height):
                    four = emit.splat(emit.load(I32, q + width * r + group * CACHE_GROUP + d)).bits(BYTES)
                    for one, column in zip(sums[r], columns, strict=True):
                        one.now = self.level.dot_bytes(emit, one.now, column, four)
            scale = [emit.load(F32V, scales + group * (CHUNK * 4) + half * 64) for half in range(2)]
            for r in range(height):
                mine = emit.splat(emit.load(F32, q_scales + (groups * r + group) * 4))
                for half in range(2):
                    scaled = emit.to_float(sums[r][half].now) * scale[half]
                    totals[r][half].now = emit.fma(scaled, mine, totals[r][half].now)
        for r in range(height):
            for half in range(2):
                emit.store(totals[r][half].now, scores + (r * CHUNK + half * LANES) * 4)
        emit.done()
        return emit.function

    def _softmax(self) -> ir.Function:
        """(instruction, private, rows, first of some rows, how many, the unit's first position, the first key's, keys):
        their weights."""
        largest, weights = self._new("attention_largest", 6), self._new("attention_weights", 6)
        write_largest(largest)
        write_weights(weights)
        emit = self._new("attention_softmax", 8)
        address, private, rows, first, some, position, start, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at = Scratch(private, rows, ins)
        with emit.loop(0, some) as row:
            mine = position + (first + row) // ins.group - start
            end = emit.minimum(emit.maximum(mine + 1, 0), count)
            begin = emit.select(ins.window > 0, emit.maximum(mine - ins.window + 1, 0), emit.i64(0))
            scores, factors = at.scores + row * (CHUNK * 4), at.factors + row * FACTOR_BYTES
            seen = emit.minimum(begin, end), end, count
            emit.call(largest.function, scores, factors, at.stats + (first + row) * 8, *seen)
        with emit.loop(0, some) as row:
            scores, factors = at.scores + row * (CHUNK * 4), at.factors + row * FACTOR_BYTES
            target, stats = at.weights + row * CHUNK, at.stats + (first + row) * 8
            emit.call(weights.function, scores, at.inverses, target, factors, stats, count)
        emit.done()
        return emit.function

    def _weigh(self) -> ir.Function:
        """(instruction, private, rows, first of some rows, how many, keys): part = weights @ values."""
        emit = self._new("attention_weigh", 6)
        address, private, rows, first, some, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at, width = Scratch(private, rows, ins), ins.width
        tiles = {height: self._weigh_tile(height) for height in HEIGHTS}
        blocks = (count + (BLOCK - 1)) // BLOCK
        with emit.loop(0, width, 2 * LANES) as d:
            done = emit.variable(emit.i64(0))
            for height, tile in tiles.items():
                with emit.while_(lambda height=height: some - done.now >= height):
                    weights, factors = at.weights + done.now * CHUNK, at.factors + done.now * FACTOR_BYTES
                    part = at.part + ((first + done.now) * width + d) * 4
                    column = width * self.storage.values + d * QUAD
                    emit.call(tile, weights, factors, at.places, blocks, column, part, width)
                    done.now = done.now + height
        emit.done()
        return emit.function

    def _weigh_tile(self, height: int) -> ir.Function:
        """(weights, their factors, blocks, how many, offset of the column in these, results, width)"""
        emit = self._new(f"attention_weigh_{height}", 7)
        weights, factors, places, count, column, part, width = emit.arguments
        totals = [emit.variables(2, emit.constant(F32V, 0.0)) for _ in range(height)]
        with emit.loop(0, count) as block:
            values = emit.load(I64, places + block * 8) + column
            sums = [emit.variables(2, emit.constant(I32V, 0)) for _ in range(height)]
            with emit.loop(0, BLOCK, QUAD) as key:
                columns = [emit.load(BYTES, values + width * key + half * 64) for half in range(2)]
                for r in range(height):
                    four = emit.splat(emit.load(I32, weights + block * BLOCK + key + r * CHUNK)).bits(BYTES)
                    for one, column in zip(sums[r], columns, strict=True):
                        one.now = self.level.dot_bytes(emit, one.now, four, column)
            for r in range(height):
                factor = emit.splat(emit.load(F32, factors + block * 4 + r * FACTOR_BYTES))
                for half in range(2):
                    totals[r][half].now = emit.fma(emit.to_float(sums[r][half].now), factor, totals[r][half].now)
        for r in range(height):
            for half in range(2):
                emit.store(totals[r][half].now, part + (width * r + half * LANES) * 4)
        emit.done()
        return emit.function


def _log2(emit: Emitter, x: Value) -> Value:
    """log2(x) within 1e-5 of it, for normal positive numbers."""
    bits = x.bits(I32V)
    exponent = emit.to_float((bits >> 23) - 127)
    f = ((bits & 0x7FFFFF) | 0x3F800000).bits(F32V) - 1.0
    series = emit.constant(F32V, LOG2[0])
    for coefficient in LOG2[1:]:
        series = emit.fma(series, f, emit.constant(F32V, coefficient))
    return series + exponent


def private_bytes(rows: int, width: int) -> int:
    """Private memory for a unit of `rows` rows of heads of `width` numbers."""
    groups = width // CACHE_GROUP
    some = min(rows, ROWS)
    chunk = CHUNK * (4 * groups + 8) + CHUNK // BLOCK * 8
    return chunk + some * (CHUNK * 5 + FACTOR_BYTES) + rows * (width * 9 + groups * 8 + 16) + 4 * 64


class Scratch:
    """Addresses in a thread's private memory while it works on one unit."""

    def __init__(self, private: Value, rows: Value, ins: Reader) -> None:
        emit, width = private.emit, ins.width
        groups, some = width // CACHE_GROUP, emit.minimum(rows, ROWS)
        self.scores = private  # float32 [some, CHUNK]
        self.key_scales = self.scores + some * (CHUNK * 4)  # float32 [groups, CHUNK]
        self.logarithms = self.key_scales + groups * (CHUNK * 4)  # float32 [CHUNK]: of the values' scales
        self.inverses = self.logarithms + CHUNK * 4  # float32 [CHUNK]: of the same
        self.weights = self.inverses + CHUNK * 4  # uint8 [some, CHUNK]
        self.factors = self.weights + some * CHUNK  # float32 [some, blocks of a chunk]: what their weights are worth
        self.places = self.factors + some * FACTOR_BYTES  # int64 [blocks of a chunk]: where they are
        self.part = self.places + CHUNK // BLOCK * 8  # float32 [rows, width]: of this chunk
        self.total = self.part + rows * width * 4  # of all chunks so far
        self.q = self.total + rows * width * 4  # int8 [rows, width]
        self.stats = self.q + rows * width  # float32 [rows, 2]: largest score, sum of weights
        self.total_stats = self.stats + rows * 8
        self.q_scales = self.total_stats + rows * 8  # float32 [rows, groups]
        self.q_sums = self.q_scales + rows * groups * 4  # int32 [rows, groups]: -128 times what a group adds up to
