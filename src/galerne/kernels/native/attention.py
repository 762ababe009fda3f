"""Attention over the block cache: causal, grouped queries, sliding window, with the softmax taken on the way.

The work list has one unit for a tile of queries of one sequence (times each key/value head). A unit goes through the
cache 32 positions at a time (Milakov and Gimelshein, arXiv:1805.02867; Dao et al., arXiv:2205.14135), and starts afresh
at every CHUNK positions; the chunks' results are then merged in order. A long cache with few queries is split into
units of one chunk each, merged by `merge`. Both ways do the same arithmetic in the same order, so an answer does not
depend on how its prompt was cut or what ran beside it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from llvmlite import ir

from galerne.kernels.batch import BLOCK
from galerne.kernels.native.cache import Storage
from galerne.kernels.native.emitter import F32, F32V, I32, I64, LANES, VOID, Emitter, Value
from galerne.kernels.native.levels import Level
from galerne.kernels.native.quantise import exponential
from galerne.kernels.native.record import CONTEXT, Reader, Record, instruction
from galerne.kernels.native.sharing import take

ATTENTION = instruction(
    "attention",
    "q",  # float32 [rows, heads * head_dim], turned
    "q_stride",
    "out",
    "out_stride",
    "kv_heads",
    "group",  # heads / kv_heads
    "head_dim",
    "width",
    "scale",  # a float32's bits
    "window",  # positions a query sees, itself included; 0: all
    "cache",  # this layer of the first block
    "block_bytes",
    "head_bytes",
    "partials",  # float32 [slots, kv_heads, SPLIT_ROWS, LANES + value_width]: largest score, sum; weighted values
    "split_rows",
    "outputs",  # 1: of units that have rows whose logits are wanted, only
)

UNIT = Record(
    "unit",
    (
        "sequence",
        "row",  # first
        "queries",
        "position",  # of the first row
        "start",  # keys: a multiple of CHUNK
        "stop",
        "slot",  # where the partial result goes, -1: it is the whole
    ),
)

MERGE = Record("merge", ("row", "queries", "slot", "chunks"))

CHUNK = 16 * BLOCK
TILE_ROWS = 48
"""Most rows (queries x heads of a group) that a unit should have; one query's heads may be more."""

NOTHING = -1e30
"""The largest score before any was seen: finite, so that subtracting it from itself is 0."""

MASKED = -2e30


class Results(Protocol):
    """Addresses in a thread's private memory that all ways of computing a unit have."""

    part: Value  # float32 [rows, width]: of one chunk
    stats: Value  # float32 [rows, 2]: its largest score, and the sum of its weights
    total: Value  # the same of all chunks so far
    total_stats: Value


@dataclass(frozen=True, slots=True)
class Chunk:
    """Keys that the rows of a unit look at. `Attention.unit` sets every field."""

    address: Value  # of the instruction
    private: Value
    rows: Value  # of the unit
    position: Value  # of its first query
    cache: Value  # of the head
    blocks: Value  # where the block table has the block of the first key
    start: Value  # position of the first key, which begins a block
    count: Value  # keys


class Attention(ABC):
    """Writes `attention` and `merge`; how a unit computes is a subclass's."""

    def __init__(self, module: ir.Module, level: Level, storage: Storage) -> None:
        self.module, self.level, self.storage = module, level, storage

    def write(self) -> tuple[ir.Function, ir.Function]:
        self._absorb()
        self._store()
        attention = self._shared(
            "attention",
            self.unit(),
            lambda emit, ins, ctx: emit.select(ins.outputs.equals(0), ctx.unit_count, ctx.output_unit_count),
        )
        return attention, self._shared("merge", self._merge(), lambda _emit, _ins, ctx: ctx.merge_count)

    @abstractmethod
    def queries(self) -> ir.Function:
        """The function (instruction, private memory, first row, rows, key/value head): heads' queries side by side."""

    @abstractmethod
    def scratch(self, private: Value, rows: Value, ins: Reader) -> Results:
        """Where a unit of so many rows keeps what it computes."""

    @abstractmethod
    def chunk(self) -> Callable[[Emitter, Chunk], None]:
        """What writes the code for one chunk: the results of its keys alone, and their stats, into the scratch."""

    def finish(self, emit: Emitter) -> None:  # noqa: B027 - most took nothing
        """At the end of a unit: give back what its products took."""

    def unit(self) -> ir.Function:
        """The function (instruction, context, private memory, unit, key/value head)."""
        queries, compute = self.queries(), self.chunk()
        absorb, store = (self.module.globals[f"attention_{name}"] for name in ("absorb", "store"))
        emit = self._new("attention_unit", 5)
        address, context, private, number, head = emit.arguments
        ins, ctx = ATTENTION.at(emit, address), CONTEXT.at(emit, context)
        units = emit.select(ins.outputs.equals(0), ctx.units, ctx.output_units)
        unit = UNIT.at(emit, units + number * (8 * len(UNIT.fields)))
        rows = unit.queries * ins.group
        at = self.scratch(private, rows, ins)
        emit.call(queries, address, private, unit.row, rows, head)
        self._clear(emit, at.total, at.total_stats, rows, ins.width)
        table = ctx.blocks + unit.sequence * ctx.blocks_stride
        lowest = emit.select(ins.window > 0, emit.maximum(unit.position - ins.window + 1, 0), emit.i64(0))
        stop = emit.minimum(unit.stop, unit.position + unit.queries)
        cache = ins.cache + head * ins.head_bytes
        with emit.loop(unit.start, stop, CHUNK) as chunk, emit.if_(chunk + CHUNK > lowest):
            start = emit.maximum(chunk, lowest & -BLOCK)
            count = emit.minimum(chunk + CHUNK, stop) - start
            blocks = table + (start // BLOCK) * 4
            compute(emit, Chunk(address, private, rows, unit.position, cache, blocks, start, count))
            emit.call(absorb, at.total, at.total_stats, at.part, at.stats, rows, ins.width)
        self.finish(emit)
        emit.call(store, address, at.total, at.total_stats, unit.row, rows, head, unit.slot)
        emit.done()
        return emit.function

    def _new(self, name: str, parameters: int) -> Emitter:
        function = ir.Function(self.module, ir.FunctionType(VOID, [I64] * parameters), name)
        function.linkage = "internal"
        return Emitter(function, fused=self.level.fused)

    def _shared(self, name: str, one: ir.Function, count: Callable[[Emitter, Reader, Reader], Value]) -> ir.Function:
        """(instruction, context, counter, thread): `one` for every item of the work list and every key/value head."""
        emit = self._new(name, 4)
        address, context, counter, thread = emit.arguments
        ins, ctx = ATTENTION.at(emit, address), CONTEXT.at(emit, context)
        heads = ins.kv_heads
        total = count(emit, ins, ctx) * heads
        private = ctx.private + ctx.private_stride * thread
        item = emit.variable(take(emit, counter))
        with emit.while_(lambda: item.now < total):
            emit.call(one, address, context, private, item.now // heads, item.now % heads)
            item.now = take(emit, counter)
        emit.done()
        return emit.function

    def _clear(self, emit: Emitter, values: Value, stats: Value, rows: Value, width: Value) -> None:
        with emit.loop(0, rows * width, LANES) as i:
            emit.store(emit.constant(F32V, 0.0), values + i * 4)
        with emit.loop(0, rows) as row:
            emit.store(emit.f32(NOTHING), stats + row * 8)
            emit.store(emit.f32(0.0), stats + row * 8 + 4)

    # Merging and storing

    def _absorb(self) -> ir.Function:
        """(results, stats, more results, their stats, rows, value width): merge the second into the first."""
        emit = self._new("attention_absorb", 6)
        values, stats, more, more_stats, rows, width = emit.arguments
        with emit.loop(0, rows) as row:
            a, b = stats + row * 8, more_stats + row * 8
            old, new = emit.load(F32, a), emit.load(F32, b)
            later = new > old
            less = exponential(emit, emit.splat(emit.select(later, old - new, new - old)))
            one = emit.constant(F32V, 1.0)
            keep, gain = emit.select(later, less, one), emit.select(later, one, less)
            emit.store(emit.select(later, new, old), a)
            emit.store(emit.fma(emit.load(F32, b + 4), gain.lane(0), emit.load(F32, a + 4) * keep.lane(0)), a + 4)
            with emit.loop(0, width, LANES) as d:
                at = (row * width + d) * 4
                emit.store(emit.fma(emit.load(F32V, more + at), gain, emit.load(F32V, values + at) * keep), values + at)
        emit.done()
        return emit.function

    def _store(self) -> ir.Function:
        """(instruction, results, stats, first row, rows, key/value head, slot): to the output, or to the partials."""
        emit = self._new("attention_store", 7)
        address, values, stats, first, rows, head, slot = emit.arguments
        ins = ATTENTION.at(emit, address)
        width, value_width = ins.head_dim, ins.width
        with emit.builder.if_else((slot >= 0).ir) as (part, whole):
            with part, emit.loop(0, rows) as row:
                target = partial_at(ins, slot, head, row)
                emit.store(emit.load(F32, stats + row * 8), target)
                emit.store(emit.load(F32, stats + row * 8 + 4), target + 4)
                with emit.loop(0, value_width, LANES) as d:
                    emit.store(emit.load(F32V, values + (row * value_width + d) * 4), target + (d + LANES) * 4)
            with whole, emit.loop(0, rows) as row:
                inverse = emit.f32(1.0) / emit.load(F32, stats + row * 8 + 4)
                column = (head * ins.group + row % ins.group) * width
                target = ins.out + (first + row // ins.group) * ins.out_stride + column * 4
                source = values + row * value_width * 4
                full = width & -LANES
                with emit.loop(0, full, LANES) as d:
                    emit.store(emit.load(F32V, source + d * 4) * emit.splat(inverse), target + d * 4)
                with emit.loop(full, width) as d:
                    emit.store(emit.load(F32, source + d * 4) * inverse, target + d * 4)
        emit.done()
        return emit.function

    def _merge(self) -> ir.Function:
        """(instruction, context, private memory, merge, key/value head): put the chunks of some rows together."""
        absorb, store = (self.module.globals[f"attention_{name}"] for name in ("absorb", "store"))
        emit = self._new("merge_unit", 5)
        address, context, private, number, head = emit.arguments
        ins, ctx = ATTENTION.at(emit, address), CONTEXT.at(emit, context)
        merge = MERGE.at(emit, ctx.merges + number * (8 * len(MERGE.fields)))
        rows = merge.queries * ins.group
        width = ins.width
        values, stats = private, private + rows * width * 4
        self._clear(emit, values, stats, rows, width)
        with emit.loop(0, merge.chunks) as chunk, emit.loop(0, rows) as row:
            source = partial_at(ins, merge.slot + chunk, head, row)
            into = [values + row * width * 4, stats + row * 8]
            emit.call(absorb, *into, source + LANES * 4, source, emit.i64(1), width)
        emit.call(store, address, values, stats, merge.row, rows, head, emit.i64(-1))
        emit.done()
        return emit.function


def stored_block(emit: Emitter, ins: Reader, cache: Value, blocks: Value, key: Value) -> Value:
    """Where the cache of a head has the block with this key, counted from where the block table starts."""
    number = emit.extend(emit.load(I32, blocks + (key // BLOCK) * 4), I64, signed=True)
    return cache + number * ins.block_bytes


def partial_at(ins: Reader, slot: Value, head: Value, row: Value) -> Value:
    index = (slot * ins.kv_heads + head) * ins.split_rows + row
    return ins.partials + index * (ins.width + LANES) * 4
