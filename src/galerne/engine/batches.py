"""From shares of sequences to the arrays of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from galerne.engine.sequence import Sequence, blocks_for
from galerne.kernels.batch import Batch


@dataclass(frozen=True, slots=True)
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
    """Fills the same arrays for each step: a `Step` is valid until the next one is built."""

    def __init__(self, max_rows: int, max_sequences: int, context_length: int) -> None:
        self.max_rows = max_rows
        self.max_sequences = max_sequences
        self._tokens = np.zeros(max_rows, np.int32)
        self._positions = np.zeros(max_rows, np.int32)
        self._starts = np.zeros(max_sequences + 1, np.int32)
        self._lengths = np.zeros(max_sequences, np.int32)
        self._blocks = np.zeros((max_sequences, blocks_for(context_length)), np.int32)
        self._outputs = np.zeros(max_rows, np.int32)
        self._counting = np.arange(max(context_length, max_rows) + 1, dtype=np.int32)

    def build(self, shares: list[Share]) -> Step:
        """The batch of these shares, of which those of answers come first."""
        row = wanted = answers = 0
        for index, share in enumerate(shares):
            sequence = share.sequence
            first, last = sequence.computed, sequence.computed + share.rows
            tokens = [*sequence.tokens[first:last], *share.proposal]
            end = row + len(tokens)
            self._tokens[row:end] = tokens
            self._positions[row:end] = self._counting[first : first + len(tokens)]
            self._starts[index] = row
            self._lengths[index] = first + len(tokens)
            self._blocks[index, : sequence.held] = sequence.table[: sequence.held]
            outputs = share.outputs
            self._outputs[wanted : wanted + outputs] = self._counting[end - outputs : end]
            row = end
            answers = answers if sequence.in_prompt else row
            wanted += outputs
        self._starts[len(shares)] = row
        batch = Batch(
            tokens=self._tokens[:row],
            positions=self._positions[:row],
            starts=self._starts[: len(shares) + 1],
            lengths=self._lengths[: len(shares)],
            blocks=self._blocks[: len(shares)],
            outputs=self._outputs[:wanted],
            answers=answers,
        )
        return Step(batch, shares)
