"""Places of buffers: two that are needed at the same time never share theirs, and what can be shared is."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from galerne.kernels.native.buffers import Address, Buffer, Instruction
from galerne.kernels.native.layout import ALIGNMENT, lay_out
from galerne.kernels.native.record import (
    BARRIER_ALWAYS,
    BARRIER_NEVER,
    ROWS_ALL,
    ROWS_OUTPUTS,
    WHEN_ANY,
    WHEN_MANY,
    Record,
)

CAPACITY = {ROWS_ALL: 100, ROWS_OUTPUTS: 7}
RECORD = Record("any", ("a", "b", "c"))


@st.composite
def programs(draw):
    """Instructions that read some earlier buffers and write a new one."""
    buffers: list[Buffer] = []
    instructions = []
    for _ in range(draw(st.integers(1, 30))):
        read = draw(st.lists(st.sampled_from(buffers), max_size=2)) if buffers else []
        buffers.append(Buffer(draw(st.sampled_from(list(CAPACITY))), draw(st.integers(1, 200))))
        values = dict(zip("abc", [Address(buffer) for buffer in (*read, buffers[-1])], strict=False))
        barrier = draw(st.sampled_from([BARRIER_ALWAYS, BARRIER_NEVER]))
        when = draw(st.sampled_from([WHEN_ANY, WHEN_MANY]))
        instructions.append(Instruction(RECORD, "any", barrier, ROWS_ALL, values, when))
    return instructions, buffers


def surely_meets(instruction):
    return instruction.barrier == BARRIER_ALWAYS and instruction.when == WHEN_ANY


@given(programs())
def test_buffers_that_live_together_lie_apart(program):
    instructions, buffers = program
    last = buffers[-1]
    offsets, size = lay_out(instructions, CAPACITY, [last])
    lives = {}
    for buffer in buffers:
        users = [number for number, each in enumerate(instructions) if buffer in each.buffers]
        end = users[-1]
        while end < len(instructions) - 1 and not surely_meets(instructions[end]):
            end += 1  # until all threads have met, one may still be reading
        lives[buffer] = range(users[0], len(instructions) + 1 if buffer is last else end + 1)
    for buffer in buffers:
        assert offsets[buffer] % ALIGNMENT == 0
        assert 0 <= offsets[buffer] <= size - buffer.row_bytes * CAPACITY[buffer.rows]
    for a, b in itertools.combinations(buffers, 2):
        if max(lives[a].start, lives[b].start) < min(lives[a].stop, lives[b].stop):
            first, second = sorted((a, b), key=offsets.__getitem__)
            assert offsets[first] + first.row_bytes * CAPACITY[first.rows] <= offsets[second]


def test_a_long_chain_takes_the_place_of_two_buffers():
    buffers = [Buffer(ROWS_ALL, 64) for _ in range(50)]
    chain = [
        Instruction(RECORD, "any", BARRIER_ALWAYS, ROWS_ALL, {"a": Address(before), "b": Address(after)})
        for before, after in itertools.pairwise(buffers)
    ]
    assert lay_out(chain, CAPACITY, [buffers[-1]])[1] == 2 * 64 * CAPACITY[ROWS_ALL]
