"""Sharing out the work of an instruction.

Each thread has a part of it: of the rows, where they are many, as it computed these before and still has them in its
caches; else of the weights, which it then reads from one end to the other, as memory is read fastest. It takes its part
piece by piece, and helps with those of the others afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llvmlite import ir

from galerne.kernels.native.emitter import I64, Emitter, Value
from galerne.kernels.native.memory import LINE
from galerne.kernels.native.record import Reader

PART_ROWS = 64
"""Rows of a part that are worth reading the weights once more for."""

WHOLE = 8
"""Parts are multiples of so many rows."""

COUNTER_BYTES = LINE
"""From a counter to the next: a thread that counts its own pieces need not have the line back from another."""


def take(emit: Emitter, counter: Value) -> Value:
    """The next piece of work, counted from 0."""
    pointer = emit.builder.inttoptr(counter.ir, ir.PointerType())
    return Value(emit, emit.builder.atomic_rmw("add", pointer, emit.i64(1).ir, "monotonic"))


def _taken(emit: Emitter, counter: Value) -> Value:
    pointer = emit.builder.inttoptr(counter.ir, ir.PointerType())
    return Value(emit, emit.builder.load_atomic(pointer, "monotonic", 8, typ=I64))


def pieces(number: Value, size: Value) -> Value:
    return (number + size - 1) // size


def share(emit: Emitter, ctx: Reader, rows: Value, most: int) -> Value:
    """Rows that a thread takes at a time: `most`, or what leaves no thread without work where there are few."""
    return emit.maximum(emit.minimum(pieces(rows, ctx.threads), most), 1)


def many_rows(ctx: Reader, rows: Value) -> Value:
    """Whether each thread has rows of its own, if they may be divided."""
    return rows >= ctx.threads * PART_ROWS


class Parts:
    """An instruction's work on some rows, in a part for each thread."""

    def __init__(self, emit: Emitter, ctx: Reader, rows: Value, *, divisible: Value | None = None) -> None:
        """`divisible`: whether the rows may be divided."""
        self._emit, self._rows, self._threads = emit, rows, ctx.threads
        many = many_rows(ctx, rows)
        self._by_rows = many if divisible is None else many & divisible
        self._size = (pieces(rows, self._threads) + (WHOLE - 1)) & -WHOLE

    @contextmanager
    def each(
        self, counter: Value, thread: Value, work: Callable[[Value], Value]
    ) -> Iterator[tuple[Value, Value, Value]]:
        """(first row, end, piece) of all that this thread takes. `work`: the pieces that so many rows make."""
        emit = self._emit
        with emit.loop(0, self._threads) as turn:
            owner = (thread + turn) % self._threads
            first = emit.select(self._by_rows, emit.minimum(owner * self._size, self._rows), emit.i64(0))
            end = emit.select(self._by_rows, emit.minimum(first + self._size, self._rows), self._rows)
            total = work(end - first)
            start = emit.select(self._by_rows, emit.i64(0), total * owner // self._threads)
            stop = emit.select(self._by_rows, total, total * (owner + 1) // self._threads)
            mine = counter + owner * COUNTER_BYTES
            with emit.if_(start + _taken(emit, mine) < stop):  # many threads shall not count where nothing is left
                piece = emit.variable(start + take(emit, mine))
                with emit.while_(lambda: piece.now < stop):
                    yield first, end, piece.now
                    piece.now = start + take(emit, mine)
