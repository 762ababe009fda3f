"""Runs a program: every thread goes through the instructions in step, sharing out the work of each."""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.native.attention import Attention
from galerne.kernels.native.attention_bytes import ByteAttention
from galerne.kernels.native.attention_dots import DotAttention
from galerne.kernels.native.attention_tiles import TileAttention
from galerne.kernels.native.attention_vectors import VectorAttention
from galerne.kernels.native.barrier import write_barrier, write_departure
from galerne.kernels.native.cache import Storage
from galerne.kernels.native.emitter import I64, VOID, Emitter, Value
from galerne.kernels.native.gated import write_gated
from galerne.kernels.native.levels import Level
from galerne.kernels.native.mixture import write_mixture
from galerne.kernels.native.product import Products
from galerne.kernels.native.quantise import write_quantise
from galerne.kernels.native.record import (
    ANY,
    BARRIER_ALWAYS,
    BARRIER_IF_MERGES,
    BARRIER_IF_SHARED,
    CONTEXT,
    INSTRUCTION_BYTES,
    PRIVATE_ROWS,
    WHEN_FEW,
    WHEN_MANY,
    Reader,
    count_of,
)
from galerne.kernels.native.rope import write_rope
from galerne.kernels.native.rows import write_embed, write_gather
from galerne.kernels.native.sharing import COUNTER_BYTES, many_rows

OPCODES = (
    "embed",
    "quantise",
    "product",
    "gated",
    "rope",
    "attention",
    "merge",
    "gather",
    "route",
    "arrange",
    "deal",
    "experts",
    "combine",
)


def write_runner(module: ir.Module, level: Level, storage: Storage) -> None:
    """`run(context, thread)`: execute the context's program."""
    products = Products(module, level)
    quantise = write_quantise(module, level)
    attention, merge = _attention_kind(level, storage)(module, level, storage).write()
    operations = {
        "embed": write_embed(module, level),
        "quantise": quantise,
        "product": products.write(),
        "gated": write_gated(module, level, products),
        "rope": write_rope(module, level, storage),
        "attention": attention,
        "merge": merge,
        "gather": write_gather(module, level),
        **write_mixture(module, level, products),
    }
    barrier = write_barrier(module, level)
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 2), "run"), fused=level.fused)
    context, thread = emit.arguments
    ctx = CONTEXT.at(emit, context)
    with emit.loop(0, ctx.program_length) as index:
        address = ctx.program + index * INSTRUCTION_BYTES
        ins = ANY.at(emit, address)
        counter = ctx.counters + index * ctx.threads * COUNTER_BYTES
        rows = count_of(emit, ctx, ins.rows)
        left_out = emit.select(many_rows(ctx, rows), emit.i64(WHEN_FEW), emit.i64(WHEN_MANY))
        with emit.if_(ins.when.differs(left_out)):
            opcode = ins.opcode
            for name, operation in operations.items():
                with emit.if_(opcode.equals(OPCODES.index(name))):
                    emit.call(operation, address, context, counter, thread)
            with emit.if_(_must_meet(ctx, ins.barrier, rows)):
                emit.call(barrier, ctx.barrier, ctx.threads)
    emit.call(write_departure(module, level), ctx.barrier, ctx.threads, thread)
    emit.done()


def _must_meet(ctx: Reader, kind: Value, rows: Value) -> Value:
    """Whether all threads wait for each other behind an instruction, of which `kind` is BARRIER_*."""
    shared = (rows > PRIVATE_ROWS) | (ctx.answers < ctx.rows)
    needed = kind.equals(BARRIER_ALWAYS) | (kind.equals(BARRIER_IF_SHARED) & shared)
    return (needed | (kind.equals(BARRIER_IF_MERGES) & (ctx.merge_count > 0))) & (ctx.threads > 1)


def _attention_kind(level: Level, storage: Storage) -> type[Attention]:
    if storage.quads:
        return ByteAttention
    if level.bfloats:
        return TileAttention if level.tiles else DotAttention
    return VectorAttention
