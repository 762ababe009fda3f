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
from galerne.kernels.native.forms import GROUP, MIDDLE, UNIT_BYTES, Form
from galerne.kernels.native.halves import load_halves
from galerne.kernels.native.levels import Level
from galerne.kernels.native.memory import LINE
from galerne.kernels.native.pairs import COUPLES, QUADS
from galerne.kernels.native.quantise_groups import count_in
from galerne.kernels.native.whole_scales import as_floats, load_pairs

AHEAD = 8192
"""Bytes that weights are fetched ahead. The CPU reads ahead by itself, but not far enough, least of all where a tile of
several rows computes for long."""


@dataclass(frozen=True, slots=True)
class TileArguments:
    """The parameters of a tile function, in order; all are 64-bit, strides in bytes."""

    out: Value  # float32, first output of the first row
    out_stride: Value  # from row to row
    quants: Value  # int8 activations of the first row
    quants_stride: Value
    scales: Value  # float32 activation scales, one a group
    sums: Value  # int32: the sum of a group's quants, times -MIDDLE; float32 (scale * sum) for minima in float32
    scales_stride: Value  # of both
    weights: Value  # first block
    weights_stride: Value  # from block to block
    weight_scales: Value
    weight_minima: Value
    weight_scales_stride: Value
    weight_minima_stride: Value
    units: Value  # float32 per output, what whole scales are multiples of
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
        scale = self._scale_whole if self.form.whole else self._scale
        with emit.loop(0, at.groups) as group:
            scale(group, self._dots(group), totals)
        for c in range(self.columns):
            unit = emit.load(F32V, at.units + c * UNIT_BYTES) if self.form.whole else None
            for r in range(self.rows):
                total = totals[r][c].now
                finish(emit, at, r, c, total if unit is None else total * unit)
        emit.done()

    def _dots(self, group: Value) -> list[list[Value]]:
        """The integer dot products of one group, started at minus offset times the activations' sum."""
        emit, at = self.emit, self.at
        sums = [[self._start(r, group)] * self.columns for r in range(self.rows)]
        dot = self.level.dot if self.form.whole else self.level.dot_bytes
        quants = [at.quants + at.quants_stride * r + group * GROUP for r in range(self.rows)]
        weights = [at.weights + at.weights_stride * c + group * self.form.group_bytes for c in range(self.columns)]
        if not self.form.panel:  # that is in the cache already
            for address, line in product(weights, range(0, self.form.group_bytes, LINE)):
                emit.prefetch(address + (AHEAD + line))

        def fours(row: int, quad: int) -> Value:
            return emit.splat(emit.load(I32, quants[row] + 4 * quad)).bits(BYTES)

        if self.form.paired:
            started = [emit.load(I32V, address + 64 * (2 * QUADS)) for address in weights]
            sums = [[start + at for at in started] for (start, *_) in sums]
        for j in range(QUADS):
            halves = [self._weights(weights, j, half) for half in range(2)]
            if self.form.paired and j < COUPLES:
                for r in range(self.rows):
                    a, b = fours(r, j), fours(r, QUADS + j)
                    for c, (w, v) in enumerate(zip(*halves, strict=True)):
                        sums[r][c] = dot(emit, sums[r][c], w + b, v + a)
            else:
                for half, columns in enumerate(halves):
                    for r in range(self.rows):
                        four = fours(r, half * QUADS + j)
                        for c in range(self.columns):
                            sums[r][c] = dot(emit, sums[r][c], columns[c], four)
        return sums

    def _weights(self, addresses: list[Value], quad: int, half: int) -> list[Value]:
        """Four of the sixteen outputs of each block: number `quad` of the first or the second half of a group."""
        emit = self.emit
        if self.form.nibbles:
            return [nibbles(emit.load(BYTES, address + 64 * quad), half) for address in addresses]
        return [emit.load(BYTES, address + 64 * (half * QUADS + quad)) for address in addresses]

    def _start(self, row: int, group: Value) -> Value:
        if self.form.whole:
            return self._sum(row, group)
        offset = self.form.offset - (128 if self.level.signed_bytes else 0)
        if offset == 0:
            return self.emit.constant(I32V, 0)
        if self.form.wide:  # the sums at hand are scaled: count the quants instead
            return self._counted(row, group) * -offset
        return count_in(self.emit, self._sum(row, group)) * (offset // MIDDLE)

    def _sum(self, row: int, group: Value) -> Value:
        at = self.at
        return self.emit.splat(self.emit.load(I32, at.sums + at.scales_stride * row + group * 4))

    def _counted(self, row: int, group: Value) -> Value:
        emit, at = self.emit, self.at
        address = at.quants + at.quants_stride * row + group * GROUP
        bytes_ = emit.load(vector(I8, GROUP), address)
        return emit.splat(emit.reduce("add", emit.extend(bytes_, vector(I32, GROUP), signed=True)))

    def _scale_whole(self, group: Value, dots: list[list[Value]], totals: list[list[Variable]]) -> None:
        emit, at = self.emit, self.at
        places = [at.weight_scales + at.weight_scales_stride * c for c in range(self.columns)]
        pairs = [load_pairs(emit, self.form, place + group * self.form.scale_bytes) for place in places]
        for r in range(self.rows):
            scale = emit.splat(emit.load(F32, at.scales + at.scales_stride * r + group * 4))
            for c in range(self.columns):
                scaled = emit.to_float(self.level.dot_words(emit, dots[r][c], pairs[c]))
                totals[r][c].now = emit.fma(scaled, scale, totals[r][c].now)

    def _scale(self, group: Value, dots: list[list[Value]], totals: list[list[Variable]]) -> None:
        emit, at = self.emit, self.at
        scales = [self._floats(at.weight_scales + at.weight_scales_stride * c, group) for c in range(self.columns)]
        minima = [at.weight_minima + at.weight_minima_stride * c for c in range(self.columns)]
        for r in range(self.rows):
            scale = emit.splat(emit.load(F32, at.scales + at.scales_stride * r + group * 4))
            for c in range(self.columns):
                total = emit.fma(emit.to_float(dots[r][c]), scales[c] * scale, totals[r][c].now)
                if self.form.minimum:
                    summed = emit.splat(emit.load(F32, at.sums + at.scales_stride * r + group * 4))
                    total = emit.fma(self._floats(minima[c], group), summed, total)
                totals[r][c].now = total

    def _floats(self, numbers: Value, group: Value) -> Value:
        return load_floats(self.emit, self.level, self.form, numbers + group * self.form.scale_bytes)


def nibbles(stored: Value, half: int) -> Value:
    """The low (0) or the high halves (1) of 64 bytes."""
    words = stored.bits(I32V)
    return ((words >> 4 if half else words) & 0x0F0F0F0F).bits(BYTES)


def finish(emit: Emitter, at: TileArguments, row: int, column: int, total: Value) -> None:
    """Add the bias and the residual, and store."""
    result = emit.variable(total)
    with emit.if_(at.bias.differs(0)):
        result.now = result.now + emit.load(F32V, at.bias + column * LANES * 4)
    with emit.if_(at.add.differs(0)):
        result.now = result.now + emit.load(F32V, at.add + at.add_stride * row + column * LANES * 4)
    emit.store(result.now, at.out + at.out_stride * row + column * LANES * 4)


def load_floats(emit: Emitter, level: Level, form: Form, address: Value) -> Value:
    """Scales or minima of sixteen outputs, of a form that has them in floating point."""
    return emit.load(F32V, address) if form.wide else load_halves(emit, level, address)


def load_scales(
    emit: Emitter, level: Level, form: Form, scales: Value, minima: Value, units: Value, index: Value
) -> tuple[Value, Value | None]:
    """Scales and minima (where the form has them) of the sixteen outputs of a (block, group), counted from these.

    weight = scale * (stored - offset) + minimum; `units` are the block's.
    """
    place = index * form.scale_bytes
    if form.whole:
        return as_floats(emit, form, scales + place, units)
    scale = load_floats(emit, level, form, scales + place)
    return scale, load_floats(emit, level, form, minima + place) if form.minimum else None
