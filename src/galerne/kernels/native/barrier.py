"""Where threads wait for each other: between two instructions, and at a program's end."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from galerne.kernels.native.emitter import I32, I64, VOID, Emitter, Value
from galerne.kernels.native.levels import Level

BARRIER_WORDS = 3
"""Of 32 bits: threads that have arrived, how often all had, threads that have departed. All are 0 at first."""

SPINS = 2000
"""Turns that a thread waits in a hot loop before it lets others have the CPU."""


def write_barrier(module: ir.Module, level: Level) -> ir.Function:
    """(address of the words, threads): nobody goes on before all have come."""
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


def write_departure(module: ir.Module, level: Level) -> ir.Function:
    """(address of the words, threads, thread): the caller's thread, 0, returns when no other one looks at the context
    any longer, as the caller may free it; so this also ends the program's last operation."""
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
