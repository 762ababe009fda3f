"""Sharing out the work of an instruction: threads count up together what is taken next.

A step of many rows is cut into a part for each thread. A thread begins with its own part, whose rows it computed before
and still has in its caches, and helps with those of the others afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llvmlite import ir

from galerne.kernels.native.emitter import Emitter, Value
from galerne.kernels.native.record import Reader

PART_ROWS = 64
"""Rows of a part that are worth reading the weights once more for."""

WHOLE = 8
"""Parts are multiples of so many rows."""


def take(emit: Emitter, counter: Value) -> Value:
    """The next piece of work."""
    pointer = emit.builder.inttoptr(counter.ir, ir.PointerType())
    return Value(emit, emit.builder.atomic_rmw("add", pointer, emit.i64(1).ir, "monotonic"))


def pieces(number: Value, size: Value) -> Value:
    return (number + size - 1) // size


def share(emit: Emitter, ctx: Reader, rows: Value, most: int) -> Value:
    """Rows that a thread takes at a time: `most`, or what leaves no thread without work where there are few."""
    return emit.maximum(emit.minimum(pieces(rows, ctx.threads), most), 1)


class Parts:
    """The rows of a step in parts: one for each thread, or a single one where they are few."""

    def __init__(self, emit: Emitter, ctx: Reader, rows: Value, *, divisible: Value | None = None) -> None:
        """`divisible`: whether there may be several."""
        self._emit, self._rows, self._threads = emit, rows, ctx.threads
        several = rows >= self._threads * PART_ROWS
        several = several if divisible is None else several & divisible
        self._count = emit.select(several, self._threads, emit.i64(1))
        self._size = (pieces(rows, self._count) + (WHOLE - 1)) & -WHOLE

    @contextmanager
    def each(
        self, counter: Value, thread: Value, work: Callable[[Value], Value]
    ) -> Iterator[tuple[Value, Value, Value]]:
        """(first row, end, piece) of all that this thread takes. `work`: the pieces of a part of so many rows."""
        emit = self._emit
        with emit.loop(0, self._count) as turn:
            part = (thread + turn) % self._count
            first = emit.minimum(part * self._size, self._rows)
            end = emit.minimum(first + self._size, self._rows)
            mine, total = counter + part * 8, work(end - first)
            piece = emit.variable(take(emit, mine))
            with emit.while_(lambda: piece.now < total):
                yield first, end, piece.now
                piece.now = take(emit, mine)
