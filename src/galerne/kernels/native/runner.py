"""Runs a program: every thread goes through the instructions in step, sharing out the work of each."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from galerne.kernels.native.attention import Attention
from galerne.kernels.native.attention_bytes import ByteAttention
from galerne.kernels.native.attention_dots import DotAttention
from galerne.kernels.native.attention_tiles import TileAttention
from galerne.kernels.native.attention_vectors import VectorAttention
from galerne.kernels.native.cache import Storage
from galerne.kernels.native.emitter import I32, I64, VOID, Emitter, Value
from galerne.kernels.native.levels import Level
from galerne.kernels.native.mixture import write_mixture
from galerne.kernels.native.product import Products
from galerne.kernels.native.quantise import write_quantise
from galerne.kernels.native.record import (
    BARRIER_ALWAYS,
    BARRIER_IF_MERGES,
    BARRIER_IF_SHARED,
    CONTEXT,
    INSTRUCTION_BYTES,
    PRIVATE_ROWS,
    count_of,
    instruction,
)
from galerne.kernels.native.rope import write_rope
from galerne.kernels.native.rows import write_embed, write_gather

OPCODES = (
    "embed",
    "quantise",
    "product",
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

ANY = instruction("any")

SPINS = 2000
"""Turns that a thread waits in a hot loop before it lets others have the CPU."""


def write_runner(module: ir.Module, level: Level, storage: Storage) -> None:
    """`run(context, thread)`: execute the context's program."""
    products = Products(module, level)
    quantise = write_quantise(module, level)
    attention, merge = _attention_kind(level, storage)(module, level, storage).write()
    operations = {
        "embed": write_embed(module, level),
        "quantise": quantise,
        "product": products.write(),
        "rope": write_rope(module, level, storage),
        "attention": attention,
        "merge": merge,
        "gather": write_gather(module, level),
        **write_mixture(module, level, products),
    }
    barrier = _barrier(module, level)
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 2), "run"), fused=level.fused)
    context, thread = emit.arguments
    ctx = CONTEXT.at(emit, context)
    with emit.loop(0, ctx.program_length) as index:
        address = ctx.program + index * INSTRUCTION_BYTES
        ins = ANY.at(emit, address)
        counter = ctx.counters + index * ctx.threads * 8
        opcode = ins.opcode
        for name, operation in operations.items():
            with emit.if_(opcode.equals(OPCODES.index(name))):
                emit.call(operation, address, context, counter, thread)
        kind = ins.barrier
        shared = (count_of(emit, ctx, ins.rows) > PRIVATE_ROWS) | (ctx.answers < ctx.rows)
        needed = kind.equals(BARRIER_ALWAYS)
        needed = needed | (kind.equals(BARRIER_IF_SHARED) & shared)
        needed = needed | (kind.equals(BARRIER_IF_MERGES) & (ctx.merge_count > 0))
        with emit.if_(needed & (ctx.threads > 1)):
            emit.call(barrier, ctx.barrier, ctx.threads)
    emit.call(_departure(module, level), ctx.barrier, ctx.threads, thread)
    emit.done()


def _attention_kind(level: Level, storage: Storage) -> type[Attention]:
    if storage.quads:
        return ByteAttention
    if level.bfloats:
        return TileAttention if level.tiles else DotAttention
    return VectorAttention


def _barrier(module: ir.Module, level: Level) -> ir.Function:
    """(address of {int32 arrived, epoch, departed}, threads): nobody goes on before all have come."""
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 2), "barrier"))
    emit.function.linkage = "internal"
    address, threads = emit.arguments
    arrived = emit.builder.inttoptr(address.ir, ir.PointerType())
    epoch = emit.builder.inttoptr((address + 4).ir, ir.PointerType())

    def read_epoch() -> Value:
        value = emit.builder.load_atomic(epoch, "acquire", 4, typ=I32)
        return Value(emit, value)

    before = read_epoch()
    one = emit.constant(I32, 1)
    come = Value(emit, emit.builder.atomic_rmw("add", arrived, one.ir, "acq_rel"))
    last = come.equals(emit.truncate(threads, I32) - 1)
    with emit.builder.if_else(last.ir) as (then, otherwise):
        with then:
            emit.builder.atomic_rmw("xchg", arrived, emit.constant(I32, 0).ir, "monotonic")
            emit.builder.atomic_rmw("add", epoch, one.ir, "release")
        with otherwise:
            _wait_while(emit, level, lambda: read_epoch().equals(before))
    emit.done()
    return emit.function


def _departure(module: ir.Module, level: Level) -> ir.Function:
    """(address as above, threads, thread): the caller's thread, 0, returns when no other one looks at the context any
    longer, as the caller may free it; so this also ends the program's last operation."""
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 3), "departure"))
    emit.function.linkage = "internal"
    address, threads, thread = emit.arguments
    departed = emit.builder.inttoptr((address + 8).ir, ir.PointerType())
    others = emit.truncate(threads, I32) - 1
    with emit.builder.if_else(thread.equals(0).ir) as (caller, other):
        with caller:

            def some_are_here() -> Value:
                gone = Value(emit, emit.builder.load_atomic(departed, "acquire", 4, typ=I32))
                return gone.differs(others)

            _wait_while(emit, level, some_are_here)
            emit.builder.atomic_rmw("xchg", departed, emit.constant(I32, 0).ir, "monotonic")
        with other:
            emit.builder.atomic_rmw("add", departed, emit.constant(I32, 1).ir, "release")
    emit.done()
    return emit.function


def _wait_while(emit: Emitter, level: Level, condition: Callable[[], Value]) -> None:
    """Wait in a hot loop at first, then let others have the CPU."""
    turns = emit.variable(emit.i64(0))
    with emit.while_(condition):
        turns.now = turns.now + 1
        with emit.builder.if_else((turns.now < SPINS).ir) as (spin, leave):
            with spin:
                _pause(emit, level)
            with leave:
                emit.intrinsic("sched_yield", I32)


def _pause(emit: Emitter, level: Level) -> None:
    if level.triple.startswith("x86_64"):
        emit.intrinsic("llvm.x86.sse2.pause", VOID)
