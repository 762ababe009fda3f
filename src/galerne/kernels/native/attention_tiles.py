"""Attention's products in AMX tiles, sixteen rows each. Few rows make small tiles, so that a single query costs what it
should and gives the same bits."""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.batch import BLOCK
from galerne.kernels.native import amx
from galerne.kernels.native.attention import ATTENTION, CHUNK, stored_block
from galerne.kernels.native.attention_chunks import ChunkAttention, Scratch
from galerne.kernels.native.cache import PAIRS
from galerne.kernels.native.emitter import LANES, Emitter

STEP = 32
"""Numbers of the dimension that is summed over in one product of tiles."""

SUMS, LEFT, RIGHT = (0, 1), 2, (3, 4)
SHAPES = tuple((rows, rows, rows, STEP // 2, STEP // 2) for rows in range(1, amx.ROWS + 1))
"""Tile registers and their heights."""


class TileAttention(ChunkAttention):
    """Writes the products."""

    def scores(self) -> ir.Function:
        """(instruction, private, rows, cache of the head, block table, keys): scores[row][key] = q[row] . keys[key]."""
        emit = self._new("attention_scores", 6)
        address, private, rows, cache, blocks, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at, tiles = Scratch(private, rows, ins), amx.Tiles(emit)
        shapes = amx.shape_table(self.module, "attention_shapes", SHAPES)
        with emit.loop(0, rows, amx.ROWS) as row:
            tiles.configure(shapes, emit.minimum(rows - row, amx.ROWS))
            with emit.loop(0, count, BLOCK) as key:
                keys = stored_block(emit, ins, cache, blocks, key)
                for half in range(2):
                    tiles.zero(SUMS[half])
                with emit.loop(0, ins.width, STEP) as d:
                    tiles.load(LEFT, at.q + (row * ins.width + d) * 2, ins.width * 2)
                    for half in range(2):
                        tiles.load(RIGHT[half], keys + (d >> 1) * (4 * BLOCK) + half * 64, 4 * BLOCK)
                        tiles.dot_bfloats(SUMS[half], LEFT, RIGHT[half])
                for half in range(2):
                    tiles.store(SUMS[half], at.scores + (row * CHUNK + key + half * LANES) * 4, CHUNK * 4)
        emit.done()
        return emit.function

    def weigh(self) -> ir.Function:
        """(instruction, private, rows, cache of the head, block table, keys): part = weights @ values."""
        emit = self._new("attention_weigh", 6)
        address, private, rows, cache, blocks, count = emit.arguments
        ins = ATTENTION.at(emit, address)
        at, tiles = Scratch(private, rows, ins), amx.Tiles(emit)
        shapes = amx.shape_table(self.module, "attention_shapes", SHAPES)
        width = ins.width
        with emit.loop(0, rows, amx.ROWS) as row:
            tiles.configure(shapes, emit.minimum(rows - row, amx.ROWS))
            with emit.loop(0, width, 2 * LANES) as d:
                for half in range(2):
                    tiles.zero(SUMS[half])
                with emit.loop(0, count, BLOCK) as key:
                    stored = stored_block(emit, ins, cache, blocks, key) + width * PAIRS.values
                    values = emit.select(count - key >= BLOCK, stored, at.last)
                    tiles.load(LEFT, at.weights + (row * CHUNK + key) * 2, CHUNK * 2)
                    for half in range(2):
                        tiles.load(RIGHT[half], values + (d + half * LANES) * 4, width * 4)
                        tiles.dot_bfloats(SUMS[half], LEFT, RIGHT[half])
                for half in range(2):
                    tiles.store(SUMS[half], at.part + (row * width + d + half * LANES) * 4, width * 4)
        emit.done()
        return emit.function

    def finish(self, emit: Emitter) -> None:
        amx.Tiles(emit).release()
