"""From hidden states to vectors: a text's vector is the state behind its last token, which has seen all of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from galerne.engine.batches import Share, Step
from galerne.engine.events import EndReason, VectorEvent
from galerne.engine.model import Model


def pool(step: Step, model: Model) -> list[VectorEvent]:
    """Move the sequences that embed on, and end those whose text is complete. `model` has just computed the step."""
    complete: list[tuple[int, Share]] = []  # with its row among the outputs
    row = 0
    for share in step.shares:
        if share.sequence.request.embeds:
            share.sequence.advance(share.rows)
            if share.complete:
                complete.append((row, share))
        row += share.outputs
    if not complete:
        return []
    states = model.final_states()
    return [event for row, share in complete if (event := _end(share, states[row])) is not None]


def _end(share: Share, state: NDArray[np.float32]) -> VectorEvent | None:
    if not np.isfinite(state).all():
        share.sequence.fail("The model computed something that is not a number. Its weights may be damaged.")
        return None
    share.sequence.end = EndReason.STOP
    return VectorEvent(share.sequence.request.id, tuple(state.tolist()))
