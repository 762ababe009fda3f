"""What one step of the engine asks a model to compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
"""Positions in one block of the key/value cache."""


@dataclass(frozen=True, slots=True)
class Batch:
    """T new tokens of S sequences, those of one sequence side by side and in order. The engine sets every field.

    Sequence s owns the rows `starts[s]:starts[s + 1]`; after the step its cache holds `lengths[s]` positions, of
    which its rows are the last. Position p of it lives in block `blocks[s, p // BLOCK]`, slot `p % BLOCK`.

    Kernels may compute prompts and answers in different precision. What a token counts as must therefore follow from
    the request alone (its place before or behind the prompt's end), so that an answer can be reproduced.
    """

    tokens: NDArray[np.int32]  # [T]
    positions: NDArray[np.int32]  # [T] position of each row in its sequence
    starts: NDArray[np.int32]  # [S + 1] first row of each sequence, and T
    lengths: NDArray[np.int32]  # [S] positions in the cache after this step
    blocks: NDArray[np.int32]  # [S, B] block numbers; what lies beyond a sequence's length is never read
    outputs: NDArray[np.int32]  # [L] rows whose logits are wanted, ascending
    answers: int | None = None  # the first so many rows are of answers, the others of prompts; None: all of answers
