"""How fast this machine's memory can be read: the limit of decoding."""

from __future__ import annotations

import time

import numpy as np
from llvmlite import ir

from galerne.kernels.native.barrier import BARRIER_WORDS, write_departure
from galerne.kernels.native.cpu import host_features
from galerne.kernels.native.emitter import I32V, I64, VOID, Emitter
from galerne.kernels.native.levels import Level, usable_levels
from galerne.kernels.native.library import Library, compile_object
from galerne.kernels.native.memory import LINE, aligned, large
from galerne.kernels.native.record import Record
from galerne.kernels.native.team import Team

SIZE = 1 << 29

READ = Record("read", ("memory", "part", "found", "barrier", "threads"))


class PlainRead:
    """Memory in large pages, of which each thread of a team like the engine's reads a part from one end to the other.

    That is the fastest of what was tried on a Zen 4: several ends at once, and fetching ahead, are slower or the same.
    """

    def __init__(self, threads: int, size: int = SIZE) -> None:
        level = usable_levels(host_features())[0]
        self._team = Team(Library(compile_object(_source(level), level)), threads)
        self._part = size // threads // LINE * LINE
        self.memory = large(self._part * threads)
        self.memory[:] = 1  # until then there is no memory behind it
        self.found = aligned(LINE * threads)  # what each thread made of its part: something must become of it
        self._barrier = aligned(BARRIER_WORDS, np.int32)
        memory, found, barrier = (each.ctypes.data for each in (self.memory, self.found, self._barrier))
        self._context = np.array([memory, self._part, found, barrier, threads], np.int64)

    def speed(self) -> float:
        """Bytes per second of reading it once."""
        began = time.perf_counter()
        self._team.run(self._context.ctypes.data)
        return self.memory.size / (time.perf_counter() - began)


def _source(level: Level) -> str:
    """`run(context, thread)`: read the thread's part."""
    module = ir.Module("read")
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 2), "run"))
    context, thread = emit.arguments
    ctx = READ.at(emit, context)
    start, found = ctx.memory + ctx.part * thread, emit.variable(emit.constant(I32V, 0))
    with emit.loop(start, start + ctx.part, LINE) as address:
        found.now = found.now ^ emit.load(I32V, address)
    emit.store(found.now, ctx.found + thread * LINE)
    emit.call(write_departure(module, level), ctx.barrier, ctx.threads, thread)
    emit.done()
    return str(module)
