"""The quantised matrix product: `out = activations @ weights.T`, shared out among the threads in chunks of outputs.

Few rows read the weights as they are stored. Many rows unpack a panel of some blocks once and reuse it for all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping, Sequence

from llvmlite import ir

from galerne.kernels.native.bfloat_product import BfloatProducts
from galerne.kernels.native.emitter import I32, I64, VOID, Emitter, Value, vector
from galerne.kernels.native.forms import ACTIVATIONS, BLOCK_OUT, GROUP, PAIRED, STORED, UNIT_BYTES, Form
from galerne.kernels.native.levels import Level
from galerne.kernels.native.panel import PANEL_BLOCKS, unpacked, write_unpack
from galerne.kernels.native.record import CONTEXT, PRIVATE_ROWS, Reader, count_of, instruction
from galerne.kernels.native.sharing import Parts, pieces
from galerne.kernels.native.tile import PARAMETERS, Tile

PRODUCT = instruction(
    "product",
    "form",  # place in forms.STORED
    "out",
    "out_stride",
    *ACTIVATIONS,  # shared by all threads
    "bfloats",  # bfloat16 [rows, groups * 32] of prompts' rows, or 0: all rows are quantised
    "private",  # 1: few rows are quantised by each thread for itself
    "groups",
    "blocks",  # of 16 outputs
    "chunk",  # blocks that a thread takes at a time, even
    "weights",
    "weight_scales",
    "weight_minima",
    "weight_units",
    "add",
    "add_stride",
    "bias",
)

MANY_ROWS = 16
"""From so many rows on, wide tiles pay, and unpacking a panel for them. Few rows wait for the memory, which gives most
when it is read from one end to the other."""


def quantised_bytes(groups: int, rows: int) -> int:
    """Memory for the activations of `rows` rows."""
    return rows * groups * sum(ACTIVATIONS.values())


def activations_in(ins: Reader, prefix: str = "") -> list[Value]:
    """What an instruction's fields with the names of ACTIVATIONS hold."""
    return [getattr(ins, prefix + name) for name in ACTIVATIONS]


def activation_addresses(base: Value, rows: Value, groups: Value) -> list[Value]:
    """Where each of ACTIVATIONS lies when those of `rows` rows start at `base`."""
    starts = itertools.accumulate(ACTIVATIONS.values(), initial=0)
    return [base + rows * groups * start for start in itertools.islice(starts, len(ACTIVATIONS))]


def multiplied(form: Form, activations: Sequence[Value]) -> tuple[Value, Value, Value]:
    """The quants, scales and sums that weights in this form are multiplied by."""
    quants, scales, sums, scaled_sums, paired_quants, paired_sums = activations
    if form.paired:
        return paired_quants, scales, paired_sums
    return quants, scales, scaled_sums if form.wide else sums


def rows_below(activations: list[Value], row: Value, groups: Value) -> list[Value]:
    """The same addresses, `row` rows further."""
    return [address + row * groups * size for address, size in zip(activations, ACTIVATIONS.values(), strict=True)]


def copy_group(
    emit: Emitter, level: Level, activations: Sequence[Value], group: Value, to: Sequence[Value], place: Value
) -> None:
    """All of one group: to another place, both counted in groups."""
    for (name, size), source, target in zip(ACTIVATIONS.items(), activations, to, strict=True):
        if level.paired or name not in PAIRED:
            kind = I32 if size == 4 else vector(I64, 4)
            emit.store(emit.load(kind, source + group * size), target + place * size)


def quantised_apart(ins: Reader, every: Value, quantised: Value) -> Value:
    """Whether each thread quantises for itself: when rows are few, and no prompts' panel needs its memory."""
    return (quantised <= PRIVATE_ROWS) & quantised.equals(every) & ins.private.differs(0)


class Products:
    """Writes the matrix product of every form, and what shares it out."""

    def __init__(self, module: ir.Module, level: Level) -> None:
        self.module, self.level = module, level
        self.tiles: dict[tuple[str, int, int], ir.Function] = {}

    def tile(self, form: Form, rows: int, columns: int) -> ir.Function:
        key = (form.name, rows, columns)
        if key not in self.tiles:
            self.tiles[key] = Tile(self.module, self.level, form, rows, columns).function
        return self.tiles[key]

    def write(self) -> ir.Function:
        """The function (instruction, context, counter, thread) that works through a product."""
        chunks = [self.chunk(form) for form in STORED]
        bfloat_products = BfloatProducts(self.module, self.level)
        bfloats = [bfloat_products.chunk(form) for form in STORED] if self.level.tiles else []
        function = ir.Function(self.module, ir.FunctionType(VOID, [I64] * 4), "product")
        emit = Emitter(function, fused=self.level.fused)
        address, context, counter, thread = emit.arguments
        ins, ctx = PRODUCT.at(emit, address), CONTEXT.at(emit, context)
        private = ctx.private + ctx.private_stride * thread
        every = count_of(emit, ctx, ins.rows)
        rows = emit.select(ins.bfloats.equals(0), every, ctx.answers)
        own = quantised_apart(ins, every, rows)
        activations = [
            emit.select(own, own_at, shared_at)
            for own_at, shared_at in zip(
                activation_addresses(private, rows, ins.groups), activations_in(ins), strict=True
            )
        ]
        stored = [ins.weights, ins.weight_scales, ins.weight_minima, ins.weight_units]

        def below(start: Value, stride: Value) -> Value:
            """Where the prompts' rows start."""
            return emit.select(start.equals(0), start, start + rows * stride)

        blocks, size = ins.blocks, ins.chunk
        parts = Parts(emit, ctx, rows, divisible=rows.equals(every))
        with parts.each(counter, thread, lambda _: pieces(blocks, size)) as (start, end, piece):
            first = piece * size
            count = emit.minimum(blocks - first, size)
            add = emit.select(ins.add.equals(0), ins.add, ins.add + start * ins.add_stride)
            outputs = [ins.out + start * ins.out_stride, ins.out_stride, add, ins.add_stride, ins.bias]
            mine = rows_below(activations, start, ins.groups)
            for number, chunk in enumerate(chunks):
                with emit.if_(ins.form.equals(number)):
                    where = (*outputs, *mine, *stored)
                    emit.call(chunk, *where, ins.groups, end - start, first, count, private)
                    if bfloats:
                        lower = [below(ins.out, ins.out_stride), ins.out_stride, below(ins.add, ins.add_stride)]
                        lower += [ins.add_stride, ins.bias, ins.bfloats, *stored, ins.groups, every - rows]
                        with emit.if_(rows < every):
                            emit.call(bfloats[number], *lower, first, count, private)
        emit.done()
        return function

    def chunk(self, form: Form) -> ir.Function:
        """The function that computes some blocks of outputs for some rows.

        (out, its stride, add, its stride, bias; ACTIVATIONS; weights, their scales, minima, units; groups, rows, first
        block, blocks, private memory)
        """
        name = f"chunk_{form.name}"
        if name in self.module.globals:
            return self.module.globals[name]
        few = self.rows(form, dict.fromkeys(self.level.few, (1,)))
        many = self.many(form)
        function = ir.Function(self.module, ir.FunctionType(VOID, [I64] * (14 + len(ACTIVATIONS))), name)
        function.linkage = "internal"
        emit = Emitter(function, fused=self.level.fused)
        out, out_stride, add, add_stride, bias, *others = emit.arguments
        activations, others = others[: len(ACTIVATIONS)], others[len(ACTIVATIONS) :]
        weights, weight_scales, weight_minima, units, groups, rows, first, blocks, private = others
        quants, scales, sums = multiplied(form, activations)
        where = _moved(
            [
                out, out_stride, quants, groups * GROUP, scales, sums, groups * 4,
                weights, groups * form.group_bytes, weight_scales, weight_minima,
                groups * form.scale_bytes, groups * form.scale_bytes, units,
                groups, add, add_stride, bias,
            ],
            emit.i64(0),
            first,
        )  # fmt: skip
        with emit.builder.if_else((rows < MANY_ROWS).ir) as (then, otherwise):
            with then:
                emit.call(few, *where, rows, blocks)
            with otherwise:
                if form.nibbles:
                    where[2], where[4], where[5] = multiplied(unpacked(self.level, form), activations)
                    self._panels(emit, form, many, where, rows, blocks, private)
                else:
                    emit.call(many, *where, rows, blocks)
        emit.done()
        return function

    def many(self, form: Form) -> ir.Function:
        """`rows` for many rows of weights in this form, unpacked where they are of 4 bits."""
        panel = unpacked(self.level, form)
        return self.rows(panel, self.level.paired if panel.paired else self.level.many)

    def rows(self, form: Form, sizes: Mapping[int, Sequence[int]]) -> ir.Function:
        """(tile's parameters, rows, blocks): cover rows x blocks with tiles of these heights and widths, in order."""
        tiles = {(r, c): self.tile(form, r, c) for r, widths in sizes.items() for c in widths}
        name = f"rows_{form.name}_{'_'.join(f'{r}x{c}' for r, c in tiles)}"
        if name in self.module.globals:
            return self.module.globals[name]
        function = ir.Function(self.module, ir.FunctionType(VOID, [I64] * (PARAMETERS + 2)), name)
        function.linkage = "internal"
        emit = Emitter(function, fused=self.level.fused)
        *where, rows, blocks = emit.arguments
        done = emit.variable(emit.i64(0))
        for height, widths in sizes.items():
            with emit.while_(lambda height=height: _takes(rows - done.now, height, sizes)):
                row = [(width, tiles[height, width]) for width in widths]
                self._row_of_tiles(emit, row, where, done.now, blocks)
                done.now = done.now + height
        emit.done()
        return function

    def _row_of_tiles(self, emit, tiles, where, row, blocks) -> None:  # type: ignore[no-untyped-def]
        done = emit.variable(emit.i64(0))
        for width, tile in tiles:
            with emit.while_(lambda width=width: blocks - done.now >= width):
                emit.call(tile, *_moved(where, row, done.now))
                done.now = done.now + width

    def _panels(self, emit, form, many, where, rows, blocks, private) -> None:  # type: ignore[no-untyped-def]
        """Unpack some blocks at a time into private memory, then run all rows over them."""
        unpack, panel, groups = write_unpack(self.module, self.level, form), unpacked(self.level, form), where[14]
        with emit.loop(0, blocks, PANEL_BLOCKS) as block:
            width = emit.minimum(blocks - block, PANEL_BLOCKS)
            moved = _moved(where, emit.i64(0), block)
            emit.call(unpack, moved[7], private, width * groups)
            moved[7:9] = [private, groups * panel.group_bytes]
            emit.call(many, *moved, rows, width)


def _takes(left: Value, height: int, heights: Container[int]) -> Value:
    """Whether a tile of this height is next. Eight rows are two tiles of four rather than six and two."""
    enough = left >= height
    if height == 6 and 4 in heights:
        return enough & left.differs(8)
    return enough


def _moved(where: list[Value], row: Value, block: Value) -> list[Value]:
    """The tile's parameters, `row` rows down and `block` blocks to the right."""
    (out, out_stride, quants, quants_stride, scales, sums, scales_stride, weights, weights_stride,
     weight_scales, weight_minima, scale_stride, minimum_stride, units,
     groups, add, add_stride, bias) = where  # fmt: skip
    emit = out.emit
    right = block * BLOCK_OUT * 4
    return [
        out + row * out_stride + right, out_stride,
        quants + row * quants_stride, quants_stride,
        scales + row * scales_stride, sums + row * scales_stride, scales_stride,
        weights + block * weights_stride, weights_stride,
        weight_scales + block * scale_stride, weight_minima + block * minimum_stride, scale_stride, minimum_stride,
        units + block * UNIT_BYTES, groups,
        emit.select(add.equals(0), add, add + row * add_stride + right), add_stride,
        emit.select(bias.equals(0), bias, bias + right),
    ]  # fmt: skip
