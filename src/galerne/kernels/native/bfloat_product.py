"""The matrix product for prompts where the CPU has AMX: bfloat16 activations and weights, float32 sums.

A panel of two blocks of weights is turned into bfloat16 once, [group][16 pairs of inputs][16 outputs][2], and all rows
are run over it, 32 at a time. Sums stay in the tile registers from the first group to the last, so a row's result
does not depend on the rows beside it. Answers are computed by `product` instead: it reads less for a single row, and
which of the two computes a row is decided by what the row is, never by the batch.
"""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.native import amx
from galerne.kernels.native.emitter import F32V, I32V, I64, VOID, Emitter
from galerne.kernels.native.forms import BLOCK_OUT, GROUP, UNIT_BYTES, Form
from galerne.kernels.native.levels import Level
from galerne.kernels.native.tile import load_scales

PANEL_BLOCKS = 2
GROUP_BYTES = GROUP * BLOCK_OUT * 2
ROWS = 2 * amx.ROWS

SUMS, LEFT, RIGHT = ((0, 1), (2, 3)), (4, 5), (6, 7)
"""Tile registers: sums of (upper, lower sixteen rows) x (first, second block), rows, blocks of weights."""

PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))

PARAMETERS = 15


def panel_bytes(groups: int) -> int:
    """Private memory for a panel of `groups` groups."""
    return groups * PANEL_BLOCKS * GROUP_BYTES


class BfloatProducts:
    """Writes the product for every form."""

    def __init__(self, module: ir.Module, level: Level) -> None:
        self.module, self.level = module, level

    def chunk(self, form: Form) -> ir.Function:
        """The function that computes some blocks of outputs for some rows.

        (out, its stride, add, its stride, bias; bfloats of the first row; weights, their scales, minima, units; groups,
        rows, first block, blocks, private memory)
        """
        unpack, run = self._unpack(form), self._run()
        emit = self._new(f"bfloat_chunk_{form.name}", PARAMETERS)
        (out, out_stride, add, add_stride, bias, bfloats, weights, scales, minima, units, groups, rows, first, blocks,
         private) = emit.arguments  # fmt: skip
        with emit.loop(first, first + blocks, PANEL_BLOCKS) as block:
            width = emit.minimum(first + blocks - block, PANEL_BLOCKS)
            for part in range(PANEL_BLOCKS):
                with emit.if_(width > part):
                    start = (block + part) * groups
                    at = (
                        weights + start * form.group_bytes,
                        scales + start * form.scale_bytes,
                        minima + start * form.scale_bytes,
                        units + (block + part) * UNIT_BYTES,
                    )
                    emit.call(unpack, *at, private + groups * (part * GROUP_BYTES), groups)
            column = block * (BLOCK_OUT * 4)
            some_add, some_bias = (emit.select(x.equals(0), x, x + column) for x in (add, bias))
            outputs = (out + column, out_stride, some_add, add_stride, some_bias)
            emit.call(run, *outputs, bfloats, groups, rows, width, private)
        amx.Tiles(emit).release()
        emit.done()
        return emit.function

    def _new(self, name: str, parameters: int) -> Emitter:
        function = ir.Function(self.module, ir.FunctionType(VOID, [I64] * parameters), name)
        function.linkage = "internal"
        return Emitter(function)

    def _unpack(self, form: Form) -> ir.Function:
        """(weights, scales, minima, units, to, groups) of a block: to the nearest bfloat16, away from 0 on ties"""
        emit = self._new(f"bfloat_unpack_{form.name}", 6)
        weights, scales, minima, units, target, groups = emit.arguments
        with emit.loop(0, groups) as i:
            scale, more = load_scales(emit, self.level, form, scales, minima, units, i)
            minimum = scale * -float(form.offset)
            minimum = minimum if more is None else minimum + more
            for j in range(4 if form.nibbles else 8):
                words = emit.load(I32V, weights + i * form.group_bytes + 64 * j)
                halves = [words & 0x0F0F0F0F, (words >> 4) & 0x0F0F0F0F] if form.nibbles else [words]
                for half, stored in enumerate(halves):
                    v = j + 4 * half
                    at = target + i * GROUP_BYTES + v * 128
                    numbers = [
                        emit.fma(emit.to_float((stored >> (8 * k)) & 0xFF), scale, minimum).bits(I32V) + 0x8000
                        for k in range(4)
                    ]
                    for pair in range(2):
                        low, high = numbers[2 * pair], numbers[2 * pair + 1]
                        emit.store((low >> 16) | (high & -0x10000), at + 64 * pair)
        emit.done()
        return emit.function

    def _run(self) -> ir.Function:
        """(out, its stride, add, its stride, bias; bfloats, groups, rows, blocks of the panel, private memory)"""
        name = "bfloat_rows"
        if name in self.module.globals:
            return self.module.globals[name]
        some = self._some_rows()
        emit = self._new(name, 10)
        *where, rows, blocks, private = emit.arguments
        tiles = amx.Tiles(emit)
        table = amx.shape_table(self.module, "product_shapes", SHAPES)
        whole = rows & -ROWS
        for start, stop, height in ((emit.i64(0), whole, emit.i64(ROWS)), (whole, rows, rows - whole)):
            with emit.if_(start < stop):
                tiles.configure(table, height)
                with emit.loop(start, stop, ROWS) as row:
                    emit.call(some, *where, row, height, blocks, private)
        emit.done()
        return emit.function

    def _some_rows(self) -> ir.Function:
        """(out, its stride, add, its stride, bias; bfloats, groups, first row, rows, blocks of the panel, private)"""
        emit = self._new("bfloat_some_rows", 11)
        out, out_stride, add, add_stride, bias, bfloats, groups, first, rows, blocks, private = emit.arguments
        tiles = amx.Tiles(emit)
        stride = groups * (GROUP * 2)
        panels = (private, private + (blocks - 1) * groups * GROUP_BYTES)  # of one block: the same again, not stored
        upper = bfloats + first * stride
        lower = upper + emit.minimum(rows - 1, amx.ROWS) * stride
        for height, width in PLACES:
            # The sums start at the residual, or at the bias, the same in each row.
            row = emit.minimum(rows - 1, amx.ROWS * height)
            column = emit.minimum(blocks - 1, width) * (BLOCK_OUT * 4)
            residual, same = add + (first + row) * add_stride + column, bias + column
            tile = SUMS[height][width]
            with emit.builder.if_else(add.differs(0).ir) as (then, otherwise):
                with then:
                    tiles.load(tile, residual, add_stride)
                with otherwise, emit.builder.if_else(bias.differs(0).ir) as (biased, plain):
                    with biased:
                        tiles.load(tile, same, 0)
                    with plain:
                        tiles.zero(tile)
        with emit.loop(0, groups) as group:
            for tile, start in zip(LEFT, (upper, lower), strict=True):
                tiles.load(tile, start + group * (GROUP * 2), stride)
            for tile, start in zip(RIGHT, panels, strict=True):
                tiles.load(tile, start + group * GROUP_BYTES, 64)
            for height, width in PLACES:
                tiles.dot_bfloats(SUMS[height][width], LEFT[height], RIGHT[width])
        for height, width in PLACES:
            with emit.if_((rows > amx.ROWS * height) & (blocks > width)):
                place = out + (first + amx.ROWS * height) * out_stride + width * (BLOCK_OUT * 4)
                tiles.store(SUMS[height][width], place, out_stride)
        with emit.if_(add.differs(0) & bias.differs(0)), emit.loop(0, rows) as row, emit.loop(0, blocks) as block:
            place = out + (first + row) * out_stride + block * (BLOCK_OUT * 4)
            emit.store(emit.load(F32V, place) + emit.load(F32V, bias + block * (BLOCK_OUT * 4)), place)
        emit.done()
        return emit.function


def _shape(rows: int) -> tuple[int, ...]:
    """Tile heights for so many rows. Tiles of no rows do not exist: a row that is not there is the last one, twice."""
    upper, lower = min(rows, amx.ROWS), max(1, rows - amx.ROWS)
    return (upper, upper, lower, lower, upper, lower, GROUP // 2, GROUP // 2)


SHAPES = tuple(_shape(rows) for rows in range(1, ROWS + 1))
