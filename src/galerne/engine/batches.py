"""From shares of sequences to the arrays of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from galerne.engine.sequence import Sequence, blocks_for
from galerne.kernels.batch import Batch


@dataclass(slots=True)  # not frozen: that takes three times as long to make, and a step makes many
class Share:
    """What a sequence gets of a step: its next `rows` positions, and after them a guess of those that follow."""

    sequence: Sequence
    rows: int
    complete: bool  # no token is pending after these: the last row's logits give the next one
    proposal: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Rows in the batch."""
        return self.rows + len(self.proposal)

    @property
    def outputs(self) -> int:
        """The last rows, whose logits are wanted."""
        return 1 + len(self.proposal) if self.complete else 0


@dataclass(frozen=True, slots=True)
class Step:
    """One tick of the engine: the batch, and whose rows they are."""

    batch: Batch
    shares: list[Share]

    @property
    def rows(self) -> int:
        return len(self.batch.tokens)


class BatchBuilder:
    """Writes block tables to the same array for each step: a `Step` is valid until the next one is built."""

    def __init__(self, max_rows: int, max_sequences: int, context_length: int) -> None:
        self.max_rows = max_rows
        self.max_sequences = max_sequences
        self._blocks = np.zeros((max_sequences, blocks_for(context_length)), np.int32)
        self._tables: list[list[int]] = [[] for _ in range(max_sequences)]  # which it has

    def build(self, shares: list[Share]) -> Step:
        """The batch of these shares, of which those of answers come first."""
        tokens: list[int] = []
        positions: list[int] = []
        starts, lengths = [0], []
        outputs: list[int] = []
        answers = 0
        for index, share in enumerate(shares):
            sequence = share.sequence
            first, length = sequence.computed, sequence.computed + share.size
            tokens += sequence.tokens[first : first + share.rows]
            tokens += share.proposal
            positions += range(first, length)
            end = len(tokens)
            starts.append(end)
            lengths.append(length)
            outputs += range(end - share.outputs, end)
            if self._tables[index] != sequence.table:
                self._blocks[index, : len(sequence.table)] = sequence.table
                self._tables[index] = sequence.table.copy()
            answers = answers if sequence.in_prompt else end
        batch = Batch(
            tokens=np.array(tokens, np.int32),
            positions=np.array(positions, np.int32),
            starts=np.array(starts, np.int32),
            lengths=np.array(lengths, np.int32),
            blocks=self._blocks[: len(shares)],
            outputs=np.array(outputs, np.int32),
            answers=answers,
        )
        return Step(batch, shares)
