"""The same product as `tile` for sixteen rows and one block of outputs, its integer part in tile registers.

The integers are exact and the float32 arithmetic is the same, operation by operation, so both give the same bits.
"""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.native import amx
from galerne.kernels.native.emitter import F32, F32V, I32, I32V, I64, VOID, Emitter, Value
from galerne.kernels.native.forms import GROUP, Form
from galerne.kernels.native.levels import Level
from galerne.kernels.native.tile import PARAMETERS, TileArguments, finish, load_floats

SUMS, LEFT, RIGHT = (0, 1), (2, 3), (4, 5)
"""Tile registers, two of each so that a group can start while the one before is being scaled."""

PRODUCT_SHAPES = (
    (amx.ROWS, 64),
    (amx.ROWS, 64),
    (amx.ROWS, GROUP),
    (amx.ROWS, GROUP),
    (GROUP // 4, 64),
    (GROUP // 4, 64),
)


class AmxTile:
    """Writes the function; its parameters are those of `tile`."""

    def __init__(self, module: ir.Module, level: Level, form: Form) -> None:
        self.level, self.form = level, form
        self.function = ir.Function(module, ir.FunctionType(VOID, [I64] * PARAMETERS), f"amx_tile_{form.name}")
        self.function.linkage = "internal"
        self.emit = emit = Emitter(self.function, fused=level.fused)
        self.tiles = amx.Tiles(emit)
        self.at = TileArguments(*emit.arguments)
        with emit.builder.goto_entry_block():
            space = emit.builder.alloca(ir.ArrayType(I32V, 2 * amx.ROWS))
        space.align = 64
        self.sums = Value(emit, emit.builder.ptrtoint(space, I64))
        self._write()

    def _write(self) -> None:
        emit, at = self.emit, self.at
        totals = emit.variables(amx.ROWS, emit.constant(F32V, 0.0))
        pairs = at.groups & -2
        with emit.loop(0, pairs, 2) as group:
            for turn in range(2):
                self._dots(group + turn, turn)
            for turn in range(2):
                self._scale(group + turn, turn, totals)
        with emit.if_(at.groups > pairs):
            self._dots(pairs, 0)
            self._scale(pairs, 0, totals)
        for r, total in enumerate(totals):
            finish(emit, at, r, 0, total.now)
        emit.done()

    def _dots(self, group: Value, turn: int) -> None:
        at, tiles = self.at, self.tiles
        tiles.zero(SUMS[turn])
        tiles.load(LEFT[turn], at.quants + group * GROUP, at.quants_stride)
        tiles.load(RIGHT[turn], at.weights + group * self.form.group_bytes, 64)
        tiles.dot_bytes(SUMS[turn], LEFT[turn], RIGHT[turn])
        tiles.store(SUMS[turn], self.sums + turn * (64 * amx.ROWS), 64)

    def _scale(self, group: Value, turn: int, totals: list) -> None:  # type: ignore[type-arg]
        emit, at, form = self.emit, self.at, self.form
        scales = load_floats(emit, self.level, form, at.weight_scales + group * form.scale_bytes)
        minima = (
            load_floats(emit, self.level, form, at.weight_minima + group * form.scale_bytes) if form.minimum else None
        )
        for r in range(amx.ROWS):
            dots = emit.load(I32V, self.sums + (turn * amx.ROWS + r) * 64, align=64)
            place = at.scales_stride * r + group * 4
            if form.offset:
                dots = dots + emit.splat(emit.load(I32, at.sums + place)) * form.offset
            scale = emit.splat(emit.load(F32, at.scales + place))
            total = emit.fma(emit.to_float(dots), scales * scale, totals[r].now)
            if minima is not None:
                total = emit.fma(minima, emit.splat(emit.load(F32, at.sums + place)), total)
            totals[r].now = total
