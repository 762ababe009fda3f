"""The register tile of the quantised matrix product: a few rows of activations times a few blocks of 16 outputs.

Each output has one float32 accumulator, to which the groups of 32 are added in order; what happens to it does not
depend on the tile's height or width, so a row's result is the same whatever else is in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from llvmlite import ir

from galerne.kernels.native.emitter import (
    BYTES,
    F32,
    F32V,
    I8,
    I32,
    I32V,
    I64,
    LANES,
    VOID,
    Emitter,
    Value,
    Variable,
    vector,
)
from galerne.kernels.native.forms import GROUP, STORED, SUPER, Form
from galerne.kernels.native.halves import load_halves
from galerne.kernels.native.levels import Level
from galerne.kernels.native.memory import LINE

AHEAD = 2048
"""Bytes that weights are fetched ahead: a tile of several rows computes for so long that the CPU forgets to."""


@dataclass(frozen=True, slots=True)
class TileArguments:
    """The parameters of a tile function, in order; all are 64-bit, strides in bytes."""

    out: Value  # float32, first output of the first row
    out_stride: Value  # from row to row
    quants: Value  # int8 activations of the first row
    quants_stride: Value
    scales: Value  # float32 activation scales, one a group
    sums: Value  # int32: minus the sum of a group's quants; float32 (scale * sum) where the form has minima
    scales_stride: Value  # of both
    weights: Value  # first block
    weights_stride: Value  # from block to block
    weight_scales: Value
    weight_minima: Value
    weight_scales_stride: Value
    weight_minima_stride: Value
    groups: Value
    add: Value  # float32 to add to the result, or 0
    add_stride: Value
    bias: Value  # float32 per output, or 0


PARAMETERS = len(TileArguments.__dataclass_fields__)


class Tile:
    """Writes the function that computes `rows` x `columns` blocks of weights in one form."""

    def __init__(self, module: ir.Module, level: Level, form: Form, rows: int, columns: int) -> None:
        self.level, self.form, self.rows, self.columns = level, form, rows, columns
        name = f"tile_{form.name}_{rows}x{columns}"
        self.function = ir.Function(module, ir.FunctionType(VOID, [I64] * PARAMETERS), name)
        self.function.linkage = "internal"
        self.emit = Emitter(self.function, fused=level.fused)
        self.at = TileArguments(*self.emit.arguments)
        self._write()

    def _write(self) -> None:
        emit, at = self.emit, self.at
        totals = [emit.variables(self.columns, emit.constant(F32V, 0.0)) for _ in range(self.rows)]
        with emit.loop(0, at.groups) as group:
            dots = self._dots(group)
            self._scale(group, dots, totals)
        for r in range(self.rows):
            for c in range(self.columns):
                finish(emit, at, r, c, totals[r][c].now)
        emit.done()

    def _dots(self, group: Value) -> list[list[Value]]:
        """The integer dot products of one group, started at minus offset times the activations' sum."""
        emit, at = self.emit, self.at
        sums = [[self._start(r, group)] * self.columns for r in range(self.rows)]
        dot = self.level.dot if self.form.small else self.level.dot_bytes
        quants = [at.quants + at.quants_stride * r + group * GROUP for r in range(self.rows)]
        weights = [at.weights + at.weights_stride * c + group * self.form.group_bytes for c in range(self.columns)]
        halves = 2 if self.form.nibbles else 1
        if self.form in STORED:  # a panel is in the cache already
            for address, line in product(weights, range(0, self.form.group_bytes, LINE)):
                emit.prefetch(address + (AHEAD + line))
        for j in range(8 // halves):
            stored = [emit.load(BYTES, address + j * 64) for address in weights]
            for half in range(halves):
                v = j + 4 * half
                columns = [self._half(x, half) if self.form.nibbles else x for x in stored]
                for r in range(self.rows):
                    four = emit.splat(emit.load(I32, quants[r] + 4 * v)).bits(BYTES)
                    for c in range(self.columns):
                        sums[r][c] = dot(emit, sums[r][c], columns[c], four)
        return sums

    def _half(self, stored: Value, half: int) -> Value:
        words = stored.bits(I32V)
        return ((words >> 4 if half else words) & 0x0F0F0F0F).bits(BYTES)

    def _start(self, row: int, group: Value) -> Value:
        emit, at = self.emit, self.at
        offset = self.form.offset - (128 if self.level.signed_bytes and not self.form.small else 0)
        if offset == 0:
            return emit.constant(I32V, 0)
        if self.form.minimum:  # the sums at hand are scaled: count the quants instead
            return self._counted(row, group) * -offset
        negated = emit.splat(emit.load(I32, at.sums + at.scales_stride * row + group * 4))
        return negated * offset

    def _counted(self, row: int, group: Value) -> Value:
        emit, at = self.emit, self.at
        address = at.quants + at.quants_stride * row + group * GROUP
        bytes_ = emit.load(vector(I8, GROUP), address)
        return emit.splat(emit.reduce("add", emit.extend(bytes_, vector(I32, GROUP), signed=True)))

    def _scale(self, group: Value, dots: list[list[Value]], totals: list[list[Variable]]) -> None:
        emit, at = self.emit, self.at
        scales, minima = zip(*(self._per_output(c, group) for c in range(self.columns)), strict=True)
        for r in range(self.rows):
            scale = emit.splat(emit.load(F32, at.scales + at.scales_stride * r + group * 4))
            for c in range(self.columns):
                total = emit.fma(emit.to_float(dots[r][c]), scales[c] * scale, totals[r][c].now)
                minimum = minima[c]
                if minimum is not None:
                    summed = emit.splat(emit.load(F32, at.sums + at.scales_stride * r + group * 4))
                    total = emit.fma(minimum, summed, total)
                totals[r][c].now = total

    def _per_output(self, column: int, group: Value) -> tuple[Value, Value | None]:
        at = self.at
        scales = at.weight_scales + at.weight_scales_stride * column
        minima = at.weight_minima + at.weight_minima_stride * column
        return load_scales(self.emit, self.level, self.form, scales, minima, group)


def finish(emit: Emitter, at: TileArguments, row: int, column: int, total: Value) -> None:
    """Add the bias and the residual, and store."""
    result = emit.variable(total)
    with emit.if_(at.bias.differs(0)):
        result.now = result.now + emit.load(F32V, at.bias + column * LANES * 4)
    with emit.if_(at.add.differs(0)):
        result.now = result.now + emit.load(F32V, at.add + at.add_stride * row + column * LANES * 4)
    emit.store(result.now, at.out + at.out_stride * row + column * LANES * 4)


def load_scales(
    emit: Emitter, level: Level, form: Form, scales: Value, minima: Value, index: Value
) -> tuple[Value, Value | None]:
    """Scales and minima (where the form has them) of the sixteen outputs of a (block, group), counted from these."""
    if form.packed:
        numbers, factors = scales + index * form.scale_bytes, minima + (index >> 3) * (SUPER * form.minimum_bytes)
        scale, minimum = (
            emit.to_float(emit.extend(emit.load(vector(I8), numbers + part * LANES), I32V, signed=False))
            * load_halves(emit, level, factors + part * (2 * LANES))
            for part in range(2)
        )
        return scale, minimum * -1.0

    def load(base: Value) -> Value:
        address = base + index * form.scale_bytes
        return emit.load(F32V, address) if form.wide else load_halves(emit, level, address)

    return load(scales), load(minima) if form.minimum else None
