"""What the engine needs of a model: token ids and a block cache in, logits out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.batch import Batch


class Model(Protocol):
    """A loaded model with its key/value cache. What it computes for a row must not depend on the other rows."""

    @property
    def blocks(self) -> int:
        """Blocks in the cache."""

    @property
    def max_rows(self) -> int:
        """The most rows that one batch may have."""

    @property
    def context_length(self) -> int:
        """The most positions that a sequence may have."""

    @property
    def vocabulary(self) -> int:
        """Logits per row; token ids are below it."""

    @property
    def answers_apart(self) -> bool:
        """Answers are computed otherwise than prompts (`Batch.answers`): their keys and values are no prompt's."""

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        """Logits [len(batch.outputs), vocabulary], valid until the next call."""

    def final_states(self) -> NDArray[np.float32]:
        """The last hidden states behind the logits of the last `forward`, [len(batch.outputs), width]."""

    def copy_block(self, source: int, target: int) -> None:
        """Copy the keys and values of one block to another, in every layer."""
