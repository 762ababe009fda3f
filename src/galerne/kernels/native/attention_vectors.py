"""Attention in float32 vectors, with the cache in float16 or in 8 bits: for every level without products of bfloat16.

A unit goes through its cache a block at a time: scores as an outer product over the head's numbers (sixteen positions
a vector), their softmax, and the weighted sum of the values (sixteen numbers of the head a vector). Numbers in 8 bits
are not scaled one by one: a group's part of a score is, and what a group's values are weighed with.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from galerne.kernels.batch import BLOCK
from galerne.kernels.interface import CACHE_GROUP
from galerne.kernels.native.attention import ATTENTION, MASKED, Attention, Chunk, stored_block
from galerne.kernels.native.cache import BYTES, Storage
from galerne.kernels.native.emitter import F32, F32V, I8, I32, I32V, LANES, Emitter, Value, Variable, vector
from galerne.kernels.native.halves import load_halves
from galerne.kernels.native.levels import Level
from galerne.kernels.native.quantise import exponential
from galerne.kernels.native.record import Reader


class VectorAttention(Attention):
    """Writes the units."""

    def __init__(self, module: ir.Module, level: Level, storage: Storage) -> None:
        super().__init__(module, level, storage)
        self.scaled = storage is BYTES
        self.heights = (8, 4, 3, 2, 1) if level.few[0] >= 8 else (2, 1)

    def scratch(self, private: Value, rows: Value, ins: Reader) -> _Scratch:
        return _Scratch(private, rows, ins)

    def chunk(self) -> Callable[[Emitter, Chunk], None]:
        self._softmax()
        narrow, wide = self._block(wide=False), self._block(wide=True)

        def compute(emit: Emitter, chunk: Chunk) -> None:
            ins, rows = ATTENTION.at(emit, chunk.address), chunk.rows
            at = _Scratch(chunk.private, rows, ins)
            self._clear(emit, at.part, at.stats, rows, ins.width)
            with emit.loop(0, chunk.count, BLOCK) as key:
                keys = stored_block(emit, ins, chunk.cache, chunk.blocks, key)
                count = emit.minimum(chunk.count - key, BLOCK)
                where = [chunk.address, chunk.private, rows, keys, count, chunk.position, chunk.start + key]
                with emit.builder.if_else((rows < 8).ir) as (few, many):
                    with few:
                        emit.call(narrow, *where)
                    with many:
                        emit.call(wide, *where)

        return compute

    def queries(self) -> ir.Function:
        """Scaled, in float32."""
        emit = self._new("attention_queries", 5)
        address, private, first, rows, head = emit.arguments
        ins = ATTENTION.at(emit, address)
        target = _Scratch(private, rows, ins).q
        scale = emit.truncate(ins.scale, I32).bits(F32)
        width = ins.head_dim
        with emit.loop(0, rows) as row:
            source = (
                ins.q + (first + row // ins.group) * ins.q_stride + (head * ins.group + row % ins.group) * width * 4
            )
            whole = width & -LANES
            with emit.loop(0, whole, LANES) as d:
                emit.store(emit.load(F32V, source + d * 4) * emit.splat(scale), target + (row * width + d) * 4)
            with emit.loop(whole, width) as d:
                emit.store(emit.load(F32, source + d * 4) * scale, target + (row * width + d) * 4)
        emit.done()
        return emit.function

    def _block(self, *, wide: bool) -> ir.Function:
        """(instruction, private, rows, keys, how many of them, the first row's position, the first key's position).

        `wide`: turn the block into float32 first, which pays when many rows use it.
        """
        suffix = "wide" if wide else "narrow"
        scores = self._cover(f"scores_{suffix}", lambda rows: self._scores(rows, wide), 5)
        weigh = self._cover(f"weigh_{suffix}", lambda rows: self._weigh(rows, wide), 6)
        softmax = self.module.globals["attention_softmax"]
        emit = self._new(f"attention_block_{suffix}", 7)
        address, private, rows, keys, count, position, first = emit.arguments
        ins = ATTENTION.at(emit, address)
        at = _Scratch(private, rows, ins)
        width, value_width = ins.head_dim, ins.width
        key_scales, values, value_scales = (
            keys + value_width * place for place in (self.storage.key_scales, self.storage.values, self.storage.head)
        )
        if wide:
            to_keys, to_values = at.wide, at.wide + value_width * (4 * BLOCK)
            for source, target in ((keys, to_keys), (values, to_values)):
                with emit.loop(0, value_width * BLOCK, LANES) as i:
                    emit.store(self._load(emit, source, i, wide=False), target + i * 4)
            keys, values = to_keys, to_values
        emit.call(scores, rows, at.q, keys, key_scales, at.scores, width)
        emit.call(softmax, address, private, rows, position, first)
        weights = at.scores
        if self.scaled:
            emit.call(self._scale_weights(), rows, weights, value_scales)
        emit.call(weigh, rows, weights, values, at.part, at.factors, count, value_width)
        emit.done()
        return emit.function

    def _cover(self, name: str, make, parameters: int) -> ir.Function:  # type: ignore[no-untyped-def]
        """(rows, then what `make`'s functions take): cover the rows with tiles, tallest first."""
        tiles = {height: make(height) for height in self.heights}
        emit = self._new(name, parameters + 1)
        rows, *where = emit.arguments
        done = emit.variable(emit.i64(0))
        for height in self.heights:
            with emit.while_(lambda height=height: rows - done.now >= height):
                emit.call(tiles[height], done.now, *where)
                done.now = done.now + height
        emit.done()
        return emit.function

    def _load(self, emit: Emitter, base: Value, index: Value, wide: bool) -> Value:
        """Sixteen numbers of a block, in 8 bits without their scales."""
        if wide:
            return emit.load(F32V, base + index * 4)
        if self.scaled:
            return emit.to_float(emit.extend(emit.load(vector(I8), base + index), I32V, signed=True))
        return load_halves(emit, self.level, base + index * 2)

    def _scores(self, height: int, wide: bool) -> ir.Function:
        """(row, q, keys, their scales, scores, head_dim): scores[r][key] = sum over d of q[r][d] * keys[d][key]."""
        emit = self._new(f"scores_{'wide' if wide else 'narrow'}_{height}", 6)
        row, _, _, scales, scores, width = emit.arguments
        if self.scaled:
            sums = [emit.variables(2, emit.constant(F32V, 0.0)) for _ in range(height)]
            with emit.loop(0, width, CACHE_GROUP) as first:
                parts = self._products(emit, height, wide, first, emit.minimum(first + CACHE_GROUP, width))
                for half in range(2):
                    place = (first // CACHE_GROUP) * (2 * BLOCK) + half * (2 * LANES)
                    scale = load_halves(emit, self.level, scales + place)
                    for r in range(height):
                        sums[r][half].now = emit.fma(parts[r][half].now, scale, sums[r][half].now)
        else:
            sums = self._products(emit, height, wide, emit.i64(0), width)
        for r in range(height):
            for half in range(2):
                emit.store(sums[r][half].now, scores + ((row + r) * BLOCK + half * LANES) * 4)
        emit.done()
        return emit.function

    def _products(self, emit: Emitter, height: int, wide: bool, first: Value, end: Value) -> list[list[Variable]]:
        """What some numbers of the head, added up in order, contribute to scores; of each row, two vectors of keys."""
        row, q, keys, _, _, width = emit.arguments
        sums = [emit.variables(2, emit.constant(F32V, 0.0)) for _ in range(height)]
        with emit.loop(first, end) as d:
            columns = [self._load(emit, keys, d * BLOCK + half * LANES, wide) for half in range(2)]
            for r in range(height):
                number = emit.splat(emit.load(F32, q + ((row + r) * width + d) * 4))
                for half in range(2):
                    sums[r][half].now = emit.fma(number, columns[half], sums[r][half].now)
        return sums

    def _softmax(self) -> ir.Function:
        """(instruction, private, rows, first row's position, first key's position): scores -> weights, in place."""
        emit = self._new("attention_softmax", 5)
        address, private, rows, position, key = emit.arguments
        ins = ATTENTION.at(emit, address)
        at = _Scratch(private, rows, ins)
        with emit.loop(0, rows) as row:
            mine = position + row // ins.group
            high = emit.splat(emit.truncate(mine - key, I32))
            low = emit.splat(emit.truncate(emit.select(ins.window > 0, mine - ins.window - key, emit.i64(-1)), I32))
            scores, visible = [], []
            for half in range(2):
                index = emit.iota() + half * LANES
                seen = (index <= high) & (index > low)
                score = emit.load(F32V, at.scores + (row * BLOCK + half * LANES) * 4)
                scores.append(emit.select(seen, score, emit.constant(F32V, MASKED)))
                visible.append(seen)
            stats = at.stats + row * 8
            before, total = emit.load(F32, stats), emit.load(F32, stats + 4)
            # A score that is NaN is lost by `maximum`, but not by the exponential below: it ends in the sum.
            largest = emit.maximum(before, emit.reduce("max", emit.maximum(scores[0], scores[1])))
            nothing = emit.constant(F32V, 0.0)
            weights = [
                emit.select(seen, exponential(emit, score - emit.splat(largest)), nothing)
                for seen, score in zip(visible, scores, strict=True)
            ]
            factor = exponential(emit, emit.splat(before - largest)).lane(0)
            for half in range(2):
                emit.store(weights[half], at.scores + (row * BLOCK + half * LANES) * 4)
            emit.store(factor, at.factors + row * 4)
            emit.store(largest, stats)
            emit.store(total * factor + emit.reduce("add", weights[0] + weights[1]), stats + 4)
        emit.done()
        return emit.function

    def _scale_weights(self) -> ir.Function:
        """(rows, weights, scales of the values): weights of values in 8 bits, in place."""
        name = "attention_scale_weights"
        if name in self.module.globals:
            return self.module.globals[name]
        emit = self._new(name, 3)
        rows, weights, scales = emit.arguments
        for half in range(2):
            scale = load_halves(emit, self.level, scales + half * (2 * LANES))
            with emit.loop(0, rows) as row:
                place = weights + (row * BLOCK + half * LANES) * 4
                emit.store(emit.load(F32V, place) * scale, place)
        emit.done()
        return emit.function

    def _weigh(self, height: int, wide: bool) -> ir.Function:
        """(row, weights, values, results, factors, keys, value width): results = results * factor + weights @ values.

        Keys beyond `keys` are not read: their slots may hold anything.
        """
        emit = self._new(f"weigh_{'wide' if wide else 'narrow'}_{height}", 7)
        width = emit.arguments[6]
        done = emit.variable(emit.i64(0))
        for vectors in (2, 1) if height == 8 else (4, 1):
            with emit.while_(lambda vectors=vectors: width - done.now >= vectors * LANES):
                self._weigh_columns(emit, height, vectors, wide, done.now)
                done.now = done.now + vectors * LANES
        emit.done()
        return emit.function

    def _weigh_columns(self, emit: Emitter, height: int, vectors: int, wide: bool, column: Value) -> None:
        row, weights, values, results, factors, keys, width = emit.arguments
        sums = []
        for r in range(height):
            factor = emit.splat(emit.load(F32, factors + (row + r) * 4))
            start = results + ((row + r) * width + column) * 4
            sums.append([emit.variable(emit.load(F32V, start + 64 * c) * factor) for c in range(vectors)])
        with emit.loop(0, keys) as key:
            loaded = [self._load(emit, values, key * width + column + c * LANES, wide) for c in range(vectors)]
            for r in range(height):
                for c in range(vectors):
                    weight = emit.splat(emit.load(F32, weights + ((row + r) * BLOCK + key) * 4))
                    sums[r][c].now = emit.fma(weight, loaded[c], sums[r][c].now)
        for r in range(height):
            for c in range(vectors):
                emit.store(sums[r][c].now, results + ((row + r) * width + column + c * LANES) * 4)


def private_bytes(rows: int, width: int) -> int:
    """Private memory for a unit of `rows` rows of heads of `width` numbers."""
    return 4 * (rows * (BLOCK + 3 * width + 5) + 2 * width * BLOCK + LANES)


class _Scratch:
    """Addresses in a thread's private memory while it works on one unit."""

    def __init__(self, private: Value, rows: Value, ins: Reader) -> None:
        width, value_width = ins.head_dim, ins.width
        self.wide = private  # float32 [2 * width, 32]: keys, then values
        self.scores = self.wide + value_width * (8 * BLOCK)  # float32 [rows, 32]
        self.q = self.scores + rows * (4 * BLOCK)  # float32 [rows, head_dim]
        self.part = self.q + ((rows * width + LANES) & -LANES) * 4  # float32 [rows, value_width]: of this chunk
        self.total = self.part + rows * value_width * 4  # of all chunks so far
        self.stats = self.total + rows * value_width * 4  # float32 [rows, 2]: largest score, sum of weights
        self.total_stats = self.stats + rows * 8
        self.factors = self.total_stats + rows * 8  # float32 [rows]
