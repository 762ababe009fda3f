"""Records of 64-bit numbers that Python writes and compiled code reads: the context of a step, and its instructions."""

from __future__ import annotations

from dataclasses import dataclass

from galerne.kernels.native.emitter import I64, Emitter, Value


@dataclass(frozen=True, slots=True)
class Record:
    """Named 64-bit fields, in order. Addresses and numbers alike."""

    name: str
    fields: tuple[str, ...]

    def index(self, field: str) -> int:
        return self.fields.index(field)

    def at(self, emit: Emitter, address: Value) -> Reader:
        return Reader(self, emit, address)


class Reader:
    """A record in compiled code: `reader.rows` emits the load of that field."""

    def __init__(self, record: Record, emit: Emitter, address: Value) -> None:
        self._record, self._emit, self._address = record, emit, address

    def __getattr__(self, field: str) -> Value:
        return self._emit.load(I64, self._address + 8 * self._record.index(field), align=8)


CONTEXT = Record(
    "context",
    (
        "rows",  # tokens in this step
        "answers",  # the first of them, computed in 8 bits; the others are prompts', in bfloat16 where there are tiles
        "outputs",  # rows whose logits are wanted
        "pairs",  # rows * experts used
        "output_pairs",  # outputs * experts used
        "tokens",  # int32 [rows]
        "positions",  # int32 [rows]
        "sequence_of",  # int32 [rows] whose block table a row uses
        "output_rows",  # int32 [outputs]
        "blocks",  # int32 [sequences, blocks_stride / 4]
        "blocks_stride",
        "cosines",  # float32 [positions, rotated / 2], see angles.py
        "sines",
        "rotated",  # numbers of a head that RoPE turns
        "units",  # attention's work list, see attention.py
        "unit_count",
        "output_units",  # those with rows whose logits are wanted
        "output_unit_count",
        "merges",  # partial results to be merged
        "merge_count",
        "counters",  # [instructions, threads]: the next piece of its work, see sharing.py
        "threads",
        "barrier",  # its words, see barrier.py
        "private",  # first thread's private memory
        "private_stride",
        "program",  # the first instruction
        "program_length",
    ),
)

INSTRUCTION_BYTES = 32 * 8
"""Room for one instruction: its header, then its own fields."""

HEADER = ("opcode", "barrier", "rows", "when")  # rows: which rows it works on, ROWS_*

# Whether an instruction, and its barrier, is left out: one of two that come to the same does so for few rows.
WHEN_ANY, WHEN_FEW, WHEN_MANY = range(3)

# When all threads must have finished an instruction before the next one starts.
BARRIER_NEVER, BARRIER_ALWAYS, BARRIER_IF_SHARED, BARRIER_IF_MERGES = range(4)

PRIVATE_ROWS = 2
"""Up to so many rows, each thread quantises the activations for itself instead of waiting for the others."""

ROWS_ALL, ROWS_OUTPUTS, ROWS_PAIRS, ROWS_OUTPUT_PAIRS = range(4)


def instruction(name: str, *fields: str) -> Record:
    return Record(name, (*HEADER, *fields))


ANY = instruction("any")
"""What all instructions have."""


def count_of(emit: Emitter, context: Reader, kind: Value) -> Value:
    """How many rows `kind` (ROWS_*) stands for in this step."""
    pairs = emit.select(kind.equals(ROWS_PAIRS), context.pairs, context.output_pairs)
    others = emit.select(kind.equals(ROWS_OUTPUTS), context.outputs, pairs)
    return emit.select(kind.equals(ROWS_ALL), context.rows, others)
