"""Attention in bfloat16: queries, cache and weights are rounded to it, sums are float32.

A unit takes a whole chunk of the cache at once: all scores, then their softmax, then the weighted sum. The two products
are a subclass's. A chunk of a cache in 8 bits is first unpacked into what a cache in bfloat16 would hold.
"""

from __future__ import annotations

from abc import abstractmethod
from math import e, log2

from llvmlite import ir

from galerne.kernels.batch import BLOCK
from galerne.kernels.interface import CACHE_GROUP
from galerne.kernels.native.attention import ATTENTION, CHUNK, NOTHING, UNIT, Attention
from galerne.kernels.native.cache import BYTES, PAIRS
from galerne.kernels.native.emitter import F32, F32V, I8, I16, I32, I32V, I64, LANES, Emitter, Value, vector
from galerne.kernels.native.halves import halves_to_floats, load_halves, round_to_bfloats
from galerne.kernels.native.quantise_groups import ROUNDER
from galerne.kernels.native.record import CONTEXT, Reader

LOG2_E = log2(e)


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

    def finish(self, emit: Emitter) -> None:
        """At the end of a unit: give back what the products took."""

    def unit(self) -> ir.Function:
        parts = {name: getattr(self, f"_{name}")() for name in ("queries", "softmax", "tail")}
        parts |= {"scores": self.scores(), "weigh": self.weigh()}
        unpack = self._unpack() if self.storage is BYTES else None
        absorb, store = (self.module.globals[f"attention_{name}"] for name in ("absorb", "store"))
        emit = self._new("attention_unit", 5)
        address, context, private, number, head = emit.arguments
        ins, ctx = ATTENTION.at(emit, address), CONTEXT.at(emit, context)
        unit = UNIT.at(emit, ctx.units + number * (8 * len(UNIT.fields)))
        rows = unit.queries * ins.group
        at = Scratch(private, rows, ins)
        emit.call(parts["queries"], address, at.q, unit.row, rows, head)
        self._clear(emit, at.total, at.total_stats, rows, ins.width)
        table = ctx.blocks + unit.sequence * ctx.blocks_stride
        lowest = emit.select(ins.window > 0, emit.maximum(unit.position - ins.window + 1, 0), emit.i64(0))
        stop = emit.minimum(unit.stop, unit.position + unit.queries)
        cache = ins.cache + head * ins.head_bytes
        with emit.loop(unit.start, stop, CHUNK) as chunk, emit.if_(chunk + CHUNK > lowest):
            start = emit.maximum(chunk, lowest & -BLOCK)
            count = emit.minimum(chunk + CHUNK, stop) - start
            blocks = table + (start // BLOCK) * 4
            if unpack is not None:
                emit.call(unpack, address, private, rows, cache, blocks, count)
            emit.call(parts["scores"], address, private, rows, cache, blocks, count)
            emit.call(parts["softmax"], address, private, rows, unit.position, start, count)
            emit.call(parts["tail"], address, private, rows, cache, blocks, count)
            emit.call(parts["weigh"], address, private, rows, cache, blocks, count)
            emit.call(absorb, at.total, at.total_stats, at.part, at.stats, rows, ins.width)
        self.finish(emit)
        emit.call(store, address, at.total, at.total_stats, unit.row, rows, head, unit.slot)
        emit.done()
        return emit.function

    def _queries(self) -> ir.Function:
        """(instruction, to, first row, rows, key/value head): the heads' queries side by side, scaled, bfloat16."""
        emit = self._new("attention_queries", 5)
        address, target, first, rows, head = emit.arguments
        ins = ATTENTION.at(emit, address)
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
        ceiling = emit.splat(largest * LOG2_E)
        total = emit.variable(emit.constant(F32V, 0.0))
        zero = emit.constant(F32V, 0.0)
        for start, stop in ((emit.i64(0), begin), ((end + LANES - 1) & -LANES, padded)):
            with emit.loop(start, stop, LANES) as key:
                put(key, zero)
        for start, stop in edges:
            with emit.loop(start, stop, LANES) as key:
                weight = emit.select(seen(key), _weight(emit, score(key), ceiling), zero)
                total.now = total.now + weight
                put(key, weight)
        with emit.loop(inner, fours, 4 * LANES) as key:
            for number in range(4):
                weight = _weight(emit, score(key + number * LANES), ceiling)
                total.now = total.now + weight
                put(key + number * LANES, weight)
        with emit.loop(fours, whole, LANES) as key:
            weight = _weight(emit, score(key), ceiling)
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
            values = self.block(emit, ins, at, cache, blocks, whole) + ins.width * PAIRS.values
            with emit.loop(0, BLOCK // 2) as pair:
                both, one = left > pair * 2 + 1, left > pair * 2
                mask = emit.select(one, emit.constant(I32, 0xFFFF), emit.constant(I32, 0))
                mask = emit.splat(emit.select(both, emit.constant(I32, -1), mask))
                with emit.loop(0, ins.width, LANES) as d:
                    place = (pair * ins.width + d) * 4
                    emit.store(emit.load(I32V, values + place) & mask, at.last + place)
        emit.done()
        return emit.function

    def block(self, emit: Emitter, ins: Reader, at: Scratch, cache: Value, blocks: Value, key: Value) -> Value:
        """Where the block with this key (counted from the table's start) lies, in bfloat16."""
        if self.storage is BYTES:
            return at.unpacked + (key // BLOCK) * (ins.width * PAIRS.head)
        return _stored_block(emit, ins, cache, blocks, key)

    # A cache in 8 bits

    def _unpack(self) -> ir.Function:
        """(instruction, private, rows, cache of the head, block table, keys): all blocks of these, bfloat16."""
        keys, values = self._unpack_keys(), self._unpack_values()
        emit = self._new("attention_unpack", 6)
        address, private, rows, cache, blocks, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at, width = Scratch(private, rows, ins), ins.width
        with emit.loop(0, count, BLOCK) as key:
            source = _stored_block(emit, ins, cache, blocks, key)
            target = self.block(emit, ins, at, cache, blocks, key)
            emit.call(keys, source, target, width)
            emit.call(values, source, target, width)
        emit.done()
        return emit.function

    def _unpack_keys(self) -> ir.Function:
        """(block, to, width): [width][32 positions] -> [width / 2][32 positions][2]"""
        emit = self._new("attention_unpack_keys", 3)
        source, target, width = emit.arguments
        scales = source + width * self.storage.key_scales
        with emit.loop(0, width, CACHE_GROUP) as group:
            for half in range(2):
                scale = load_halves(emit, self.level, scales + group * (2 * BLOCK // CACHE_GROUP) + half * 2 * LANES)
                with emit.loop(group, group + CACHE_GROUP, 2) as d:
                    first, second = (_load_bytes(emit, source + (d + k) * BLOCK + half * LANES) for k in range(2))
                    emit.store(_paired(emit, first * scale, second * scale), target + d * (2 * BLOCK) + half * 64)
        emit.done()
        return emit.function

    def _unpack_values(self) -> ir.Function:
        """(block, to, width): [32 positions][width] -> [16 pairs of positions][width][2]"""
        emit = self._new("attention_unpack_values", 3)
        block, target, width = emit.arguments
        values, scales = block + width * self.storage.values, block + width * self.storage.value_scales
        with emit.loop(0, width, LANES) as d, emit.loop(0, BLOCK // 2) as pair:
            numbers = []
            for position in (pair * 2, pair * 2 + 1):
                bits = emit.load(I16, scales + (d // CACHE_GROUP) * (2 * BLOCK) + position * 2)
                scale = halves_to_floats(emit, self.level, emit.splat(bits))
                numbers.append(_load_bytes(emit, values + position * width + d) * scale)
            emit.store(_paired(emit, *numbers), target + width * PAIRS.values + (pair * width + d) * 4)
        emit.done()
        return emit.function


def _weight(emit: Emitter, score: Value, ceiling: Value) -> Value:
    """2^(score * log2(e) - ceiling) within 8e-5 of it, a fiftieth of what bfloat16 rounds away; NaN stays NaN.

    2^n times a polynomial on [-1/2, 1/2] of least relative error (by Remez's algorithm).
    """
    power = emit.fma(score, emit.constant(F32V, LOG2_E), emit.constant(F32V, 0.0) - ceiling)
    bounded = emit.maximum(emit.constant(F32V, -126.0), power)
    shifted = bounded + ROUNDER
    f = bounded - (shifted - ROUNDER)
    series = emit.constant(F32V, 0.05517167)
    for coefficient in (0.24261112, 0.69326099, 0.99992807):
        series = emit.fma(series, f, emit.constant(F32V, coefficient))
    return series * ((shifted.bits(I32V) << 23) + (127 << 23)).bits(F32V)


def _stored_block(emit: Emitter, ins: Reader, cache: Value, blocks: Value, key: Value) -> Value:
    """Where the cache has the block with this key (counted from the table's start)."""
    number = emit.extend(emit.load(I32, blocks + (key // BLOCK) * 4), I64, signed=True)
    return cache + number * ins.block_bytes


def _load_bytes(emit: Emitter, address: Value) -> Value:
    return emit.to_float(emit.extend(emit.load(vector(I8), address), I32V, signed=True))


def _paired(emit: Emitter, first: Value, second: Value) -> Value:
    """Two vectors -> pairs of bfloat16."""
    low, high = (emit.extend(round_to_bfloats(emit, x), I32V, signed=False) for x in (first, second))
    return low | (high << 16)


def private_bytes(rows: int, width: int) -> int:
    """Private memory for a unit of `rows` rows of heads of `width` numbers."""
    own = rows * (CHUNK * 6 + width * 10 + 16) + width * (BLOCK * 2 + CHUNK // BLOCK * PAIRS.head)
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
        self.unpacked = self.places + CHUNK // BLOCK * 8  # bfloat16 [blocks of a chunk], of a cache in 8 bits
