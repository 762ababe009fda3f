"""A forward pass, laid out in memory and ready to run, with its key/value cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.batch import BLOCK, Batch
from galerne.kernels.interface import Operations, Value
from galerne.kernels.native import attention_bytes, attention_chunks, attention_vectors, bfloat_product
from galerne.kernels.native.angles import Angles
from galerne.kernels.native.attention import MERGE, TILE_ROWS, UNIT
from galerne.kernels.native.barrier import BARRIER_WORDS
from galerne.kernels.native.buffers import PARTIALS, Address, Buffer, Floats
from galerne.kernels.native.cache import CacheLayout
from galerne.kernels.native.emitter import LANES
from galerne.kernels.native.forms import GROUP
from galerne.kernels.native.gated import gated_bytes
from galerne.kernels.native.layout import lay_out
from galerne.kernels.native.levels import Level
from galerne.kernels.native.memory import LINE, aligned, large
from galerne.kernels.native.notes import Notes
from galerne.kernels.native.product import quantised_bytes
from galerne.kernels.native.record import (
    CONTEXT,
    INSTRUCTION_BYTES,
    PRIVATE_ROWS,
    ROWS_ALL,
    ROWS_OUTPUT_PAIRS,
    ROWS_OUTPUTS,
    ROWS_PAIRS,
)
from galerne.kernels.native.runner import OPCODES
from galerne.kernels.native.sharing import COUNTER_BYTES
from galerne.kernels.native.team import Team
from galerne.kernels.native.trace import Trace
from galerne.kernels.native.units import SLOTS, SPLIT_ROWS, WorkList, plan_units, with_rows

PLACES = {field: place for place, field in enumerate(CONTEXT.fields)}


class NativeProgram:
    """Fills `Program`."""

    def __init__(
        self, forward: Callable[[Operations], Value], layout: CacheLayout, max_rows: int, level: Level, team: Team
    ) -> None:
        self._team, self._max_rows, self._layout = team, max_rows, layout
        self.answers_apart = level.tiles
        self._cache = large(layout.total)
        self._notes = Notes(team.threads, prompts_apart=level.tiles)
        self._trace = Trace(self._notes, layout, _at(self._cache))
        self._result: Floats = forward(self._trace)
        self._group = max(1, self._trace.group)
        slot_rows = layout.shape.kv_heads * max(SPLIT_ROWS, self._group)
        self._partials = aligned(SLOTS * slot_rows * (self._layout.width + LANES), np.float32)
        self._context = aligned(len(CONTEXT.fields), np.int64)
        self._context_address = _at(self._context)
        self._numbers = self._context.data  # quicker to write to than an array
        self._kept: dict[str, NDArray[Any]] = {}
        self._prepare_private(level)
        counters = len(self._notes.instructions) * team.threads
        self._counters = self._keep("counters", aligned(counters * COUNTER_BYTES // 8, np.int64))
        self._keep("barrier", np.zeros(BARRIER_WORDS, np.int32))
        names = ("tokens", "positions", "sequence_of", "output_rows")
        self._lists = {name: self._keep(name, np.zeros(max_rows, np.int32)) for name in names}
        self._blocks = self._keep("blocks", np.zeros((max_rows, layout.shape.blocks), np.int32))
        records = {"units": UNIT, "output_units": UNIT, "merges": MERGE}
        self._work = {name: WorkList(record, max_rows + SLOTS) for name, record in records.items()}
        for name, work in self._work.items():
            self._keep(name, work.lines)
        rope = self._trace.rope_used
        self._angles = None if rope is None else Angles(rope)
        self._set(threads=team.threads, program_length=len(self._notes.instructions))
        self._set(rotated=0 if rope is None else 2 * len(rope.frequencies), blocks_stride=self._blocks.strides[0])
        self._place_buffers(outputs=min(16, max_rows))

    def __call__(self, batch: Batch) -> NDArray[np.float32]:
        self._check(batch)
        outputs = len(batch.outputs)
        if outputs > self._outputs:
            self._place_buffers(outputs=outputs)
        self._describe(batch)
        self._counters.fill(0)
        self._team.run(self._context_address)
        self._wanted = outputs
        return self._logits[:outputs]

    def states(self) -> NDArray[np.float32]:
        assert self._states is not None
        return self._states[: self._wanted]

    def copy_block(self, source: int, target: int) -> None:
        size = self._layout.block
        self._cache[target * size : (target + 1) * size] = self._cache[source * size : (source + 1) * size]

    def _check(self, batch: Batch) -> None:
        """Refuse what would read or write beyond the buffers: compiled code does not look."""
        rows = len(batch.tokens)
        if not 0 < rows <= self._max_rows:
            raise ValueError(f"a batch has from 1 to {self._max_rows} rows, not {rows}")
        tokens = batch.tokens.tolist()
        if min(tokens) < 0 or max(tokens) >= self._trace.vocabulary:
            raise ValueError(f"the model has {self._trace.vocabulary} tokens, the batch names others")

    def _describe(self, batch: Batch) -> None:
        """Write the batch into the context."""
        rows, outputs = len(batch.tokens), len(batch.outputs)
        starts = batch.starts.tolist()
        blocks = -(-max(batch.lengths.tolist()) // BLOCK)
        self._lists["tokens"][:rows] = batch.tokens
        self._lists["positions"][:rows] = batch.positions
        self._lists["output_rows"][:outputs] = batch.outputs
        self._lists["sequence_of"][:rows] = [
            sequence for sequence, (row, end) in enumerate(pairwise(starts)) for _ in range(row, end)
        ]
        self._blocks[: len(starts) - 1, :blocks] = batch.blocks[:, :blocks]
        units, merges = plan_units(batch, self._group)
        self._work["units"].write(units)
        self._work["merges"].write(merges)
        output_units, place = units, "units"
        if outputs < rows:
            output_units, place = with_rows(units, batch.outputs.tolist()), "output_units"
            self._work[place].write(output_units)
        self._set(
            rows=rows,
            answers=batch.answers if self.answers_apart and batch.answers is not None else rows,
            outputs=outputs,
            pairs=rows * self._trace.experts_used,
            output_pairs=outputs * self._trace.experts_used,
            unit_count=len(units),
            output_units=self._work[place].address,
            output_unit_count=len(output_units),
            merge_count=len(merges),
        )
        if self._angles is not None and self._angles.reach(max(batch.positions.tolist())):
            self._keep("cosines", self._angles.cosines)
            self._keep("sines", self._angles.sines)

    def _place_buffers(self, outputs: int) -> None:
        """Lay the buffers out for so many rows of logits, and write the instructions."""
        trace, instructions = self._trace, self._notes.instructions
        self._outputs = outputs
        capacity = {
            ROWS_ALL: self._max_rows,
            ROWS_OUTPUTS: outputs,
            ROWS_PAIRS: self._max_rows * trace.experts_used,
            ROWS_OUTPUT_PAIRS: outputs * trace.experts_used,
        }
        lasting = [self._result.buffer, *([trace.kept_states.buffer] if trace.kept_states else [])]
        offsets, size = lay_out(instructions, capacity, lasting)
        self._arena = large(size)
        program = aligned(len(instructions) * (INSTRUCTION_BYTES // 8), np.int64)
        program = program.reshape(len(instructions), -1)
        for line, each in zip(program, instructions, strict=True):
            header = {
                "opcode": OPCODES.index(each.opcode),
                "barrier": each.barrier,
                "rows": each.rows,
                "when": each.when,
            }
            for name, value in (header | each.values).items():
                if value is PARTIALS:
                    value = _at(self._partials)
                elif isinstance(value, Address):
                    value = _at(self._arena) + offsets[value.buffer] + value.offset
                if name in each.record.fields:
                    line[each.record.index(name)] = value
        self._keep("program", program)
        self._logits = self._rows(self._result, offsets)
        self._states = None if trace.kept_states is None else self._rows(trace.kept_states, offsets)

    def _rows(self, x: Floats, offsets: Mapping[Buffer, int]) -> NDArray[np.float32]:
        """The rows of a buffer that holds outputs."""
        start, stride = offsets[x.buffer], x.buffer.row_bytes
        rows = self._arena[start : start + self._outputs * stride].view(np.float32)
        return rows.reshape(self._outputs, stride // 4)[:, : x.width]

    def _prepare_private(self, level: Level) -> None:
        rows = max(TILE_ROWS, SPLIT_ROWS, self._group)
        groups = -(-self._notes.widest // GROUP)
        size = max(
            _attention(level, self._layout).private_bytes(rows, self._layout.width),
            bfloat_product.panel_bytes(groups),
            gated_bytes(groups),
            quantised_bytes(groups, PRIVATE_ROWS) + LINE + groups * GROUP * 4,
        )
        size = -(-size // 4096) * 4096
        self._keep("private", large(size * self._team.threads))
        self._set(private_stride=size)

    def _keep(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Point the context at an array, and keep it as long as the context does."""
        self._kept[name] = array
        self._numbers[PLACES[name]] = _at(array)
        return array

    def _set(self, **numbers: int) -> None:
        for name, number in numbers.items():
            self._numbers[PLACES[name]] = number


def _attention(level: Level, layout: CacheLayout) -> ModuleType:
    if layout.storage.quads:
        return attention_bytes
    return attention_chunks if level.bfloats else attention_vectors


def _at(array: NDArray[Any]) -> int:
    return int(array.ctypes.data)
