"""Attention's products by AVX-512's dot products of bfloat16 pairs, in register tiles of some rows x 32 columns."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from galerne.kernels.batch import BLOCK
from galerne.kernels.native.attention import ATTENTION, CHUNK, stored_block
from galerne.kernels.native.attention_chunks import ChunkAttention, Scratch
from galerne.kernels.native.cache import PAIRS
from galerne.kernels.native.emitter import BF16, F32V, I32, I32V, I64, LANES, Emitter, Value, Variable, vector

HEIGHTS = (12, 8, 4, 3, 2, 1)
"""Rows of a register tile: twelve rows take 24 of the 32 registers for their sums."""

PAIR = 4
"""Bytes."""


class DotAttention(ChunkAttention):
    """Writes the products."""

    def scores(self) -> ir.Function:
        emit = self._new("attention_scores", 6)
        address, private, rows, cache, blocks, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at = Scratch(private, rows, ins)
        tiles = {height: self._score_tile(height) for height in HEIGHTS}
        with emit.loop(0, count, BLOCK) as key:
            keys = stored_block(emit, ins, cache, blocks, key)

            def some(tile: ir.Function, row: Value, key: Value = key, keys: Value = keys) -> None:
                q, scores = at.q + row * ins.width * 2, at.scores + (row * CHUNK + key) * 4
                emit.call(tile, q, keys, scores, ins.width)

            _cover(emit, tiles, rows, some)
        emit.done()
        return emit.function

    def _score_tile(self, height: int) -> ir.Function:
        """(queries, keys, scores, width)"""
        emit = self._new(f"attention_scores_{height}", 4)
        q, keys, scores, width = emit.arguments
        sums = _sums(emit, height)
        with emit.loop(0, width, 2) as d:
            columns = [emit.load(I32V, keys + d * (2 * BLOCK) + half * 64) for half in range(2)]
            for r in range(height):
                _add_products(emit, sums[r], q + (width * r + d) * 2, columns)
        for r in range(height):
            for half in range(2):
                emit.store(sums[r][half].now, scores + (r * CHUNK + half * LANES) * 4)
        emit.done()
        return emit.function

    def weigh(self) -> ir.Function:
        emit = self._new("attention_weigh", 6)
        address, private, rows, cache, blocks, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at, width = Scratch(private, rows, ins), ins.width
        tiles = {height: self._weigh_tile(height) for height in HEIGHTS}
        places = emit.variable(emit.i64(0))
        with emit.loop(0, count, BLOCK) as key:
            stored = stored_block(emit, ins, cache, blocks, key) + width * PAIRS.values
            emit.store(emit.select(count - key >= BLOCK, stored, at.last), at.places + (key // BLOCK) * 8)
            places.now = places.now + 1
        with emit.loop(0, width, 2 * LANES) as d:

            def some(tile: ir.Function, row: Value, d: Value = d) -> None:
                part = at.part + (row * width + d) * 4
                emit.call(tile, at.weights + row * (CHUNK * 2), at.places, places.now, d * PAIR, part, width)

            _cover(emit, tiles, rows, some)
        emit.done()
        return emit.function

    def _weigh_tile(self, height: int) -> ir.Function:
        """(weights, addresses of the blocks' values, how many, the column's offset, results, width)"""
        emit = self._new(f"attention_weigh_{height}", 6)
        weights, places, count, column, part, width = emit.arguments
        sums = _sums(emit, height)
        with emit.loop(0, count) as block:
            values = emit.load(I64, places + block * 8) + column
            mine = weights + block * (2 * BLOCK)
            with emit.loop(0, BLOCK // 2) as pair:
                columns = [emit.load(I32V, values + pair * width * PAIR + half * 64) for half in range(2)]
                for r in range(height):
                    _add_products(emit, sums[r], mine + pair * PAIR + r * (CHUNK * 2), columns)
        for r in range(height):
            for half in range(2):
                emit.store(sums[r][half].now, part + (width * r + half * LANES) * 4)
        emit.done()
        return emit.function


def _cover(
    emit: Emitter, tiles: dict[int, ir.Function], rows: Value, some: Callable[[ir.Function, Value], None]
) -> None:
    """Cover the rows with tiles, tallest first."""
    done = emit.variable(emit.i64(0))
    for height, tile in tiles.items():
        with emit.while_(lambda height=height: rows - done.now >= height):
            some(tile, done.now)
            done.now = done.now + height


def _sums(emit: Emitter, height: int) -> list[list[Variable]]:
    return [emit.variables(2, emit.constant(F32V, 0.0)) for _ in range(height)]


def _add_products(emit: Emitter, sums: list[Variable], pair: Value, columns: list[Value]) -> None:
    """To each column, the products of the two numbers at `pair`."""
    both = emit.splat(emit.load(I32, pair))
    for total, column in zip(sums, columns, strict=True):
        total.now = dot_pairs(emit, total.now, both, column)


def dot_pairs(emit: Emitter, sums: Value, left: Value, right: Value) -> Value:
    """sums float32 x 16 + the products of two bfloat16 in each lane: one addition after the other."""
    pairs = [x.bits(vector(BF16, 2 * LANES)) for x in (right, left)]
    return emit.intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", F32V, sums, *pairs)
