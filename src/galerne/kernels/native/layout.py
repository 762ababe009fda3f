"""Gives the buffers of a trace their places: two that are never needed at the same time may share theirs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from galerne.kernels.native.buffers import Buffer, Instruction
from galerne.kernels.native.record import BARRIER_ALWAYS, WHEN_ANY

ALIGNMENT = 64


def lay_out(
    instructions: Sequence[Instruction], capacity: Mapping[int, int], lasting: Collection[Buffer]
) -> tuple[dict[Buffer, int], int]:
    """Each buffer's offset, and the bytes of all. `capacity`: rows of each kind; `lasting` ones outlive the program."""
    first, final = _lives(instructions)
    final |= dict.fromkeys(lasting, len(instructions))
    offsets: dict[Buffer, int] = {}
    alive: list[tuple[int, int, Buffer]] = []  # (start, stop, buffer), by start
    total = 0
    for buffer in sorted(first, key=lambda buffer: first[buffer]):
        alive = [place for place in alive if final[place[2]] >= first[buffer]]
        size = -(-buffer.row_bytes * capacity[buffer.rows] // ALIGNMENT) * ALIGNMENT
        start = _gap(alive, size)
        offsets[buffer] = start
        alive.append((start, start + size, buffer))
        alive.sort(key=lambda place: place[0])
        total = max(total, start + size)
    return offsets, total


def _lives(instructions: Sequence[Instruction]) -> tuple[dict[Buffer, int], dict[Buffer, int]]:
    """When each buffer is first and last needed.

    A thread may still read a buffer while another is some instructions further: a life lasts until the next barrier
    that all threads wait at.
    """
    barriers = [
        number for number, each in enumerate(instructions) if each.barrier == BARRIER_ALWAYS and each.when == WHEN_ANY
    ]
    until, upcoming = [0] * len(instructions), len(instructions)
    waiting = set(barriers)
    for number in reversed(range(len(instructions))):
        upcoming = number if number in waiting else upcoming
        until[number] = upcoming
    first: dict[Buffer, int] = {}
    final: dict[Buffer, int] = {}
    for number, each in enumerate(instructions):
        for buffer in each.buffers:
            first.setdefault(buffer, number)
            final[buffer] = until[number]
    return first, final


def _gap(alive: list[tuple[int, int, Buffer]], size: int) -> int:
    start = 0
    for begin, end, _ in alive:
        if begin - start >= size:
            return start
        start = max(start, end)
    return start
