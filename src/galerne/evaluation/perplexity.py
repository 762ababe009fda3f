"""Perplexity: how surprised a model is by a text, the way people compare quantised weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from galerne.errors import BadFile, InvalidRequest, SettingsError
from galerne.kernels.batch import BLOCK, Batch
from galerne.models import Model

MOST_NATS = 700.0  # e^700 is about the largest float64; no sound model is surprised by more


@dataclass(frozen=True, slots=True)
class Perplexity:
    """What a text, or as much of it as was measured, amounts to."""

    tokens: int  # scored: all but the first of each window
    nll: float  # negative log-likelihood, natural logarithm, summed over them

    @property
    def perplexity(self) -> float:
        return exp(self.nll / self.tokens)


def measure_perplexity(model: Model, tokens: Sequence[int], context: int) -> Iterator[Perplexity]:
    """Score a text; what is given last is the result, what comes before it is the result so far.

    The text is cut into windows of `context` tokens that do not overlap, and each window is scored from its second
    token. The last one may be shorter: it is scored, too, so that no part of the text is left out. No special token
    is added. Raises `InvalidRequest`, `SettingsError`, and `BadFile` for weights that compute nonsense.
    """
    _check(model, tokens, context)
    windows = [tokens[first : first + context] for first in range(0, len(tokens), context)]
    windows = [window for window in windows if len(window) > 1]
    together = max(1, min(model.max_rows // context, model.blocks // _blocks(context)))
    scored, nll = 0, 0.0
    for first in range(0, len(windows), together):
        group = windows[first : first + together]
        nll += _score(model, group, context)
        scored += sum(len(window) - 1 for window in group)
        if not nll < scored * MOST_NATS:  # true for NaN, too
            raise BadFile("the model computes numbers that are not finite.", hint="Its weights must be damaged.")
        yield Perplexity(scored, nll)


def _check(model: Model, tokens: Sequence[int], context: int) -> None:
    if len(tokens) < 2:
        raise InvalidRequest("a text of fewer than two tokens has no perplexity.")
    if not 2 <= context <= model.context_length:
        raise InvalidRequest(
            f"should be from 2 to {model.context_length}, the model's own context, not {context}.", where="context"
        )
    if _blocks(context) > model.blocks:
        raise SettingsError(f"the cache has no room for {context} tokens.", where="kv_cache_mb", hint="Make it larger.")


def _blocks(positions: int) -> int:
    return -(-positions // BLOCK)


def _score(model: Model, windows: Sequence[Sequence[int]], context: int) -> float:
    """The negative log-likelihood of some windows, computed side by side (in pieces, where a batch is too small)."""
    tables = np.arange(len(windows) * _blocks(context), dtype=np.int32).reshape(len(windows), -1)
    rows = max(len(window) for window in windows) - 1  # the last token predicts nothing
    piece = min(rows, model.max_rows // len(windows))
    nll = 0.0
    for first in range(0, rows, piece):
        active = [number for number, window in enumerate(windows) if len(window) - 1 > first]
        pieces = [np.asarray(windows[number][first : first + piece + 1], np.int32) for number in active]
        logits = model.forward(_batch([tokens[:-1] for tokens in pieces], first, tables[active]))
        expected = np.concatenate([tokens[1:] for tokens in pieces])
        nll += sum(_surprise(row, token) for row, token in zip(logits, expected, strict=True))
    return nll


def _batch(pieces: Sequence[NDArray[np.int32]], first: int, tables: NDArray[np.int32]) -> Batch:
    """One step that goes on with every window from position `first`."""
    counts = [len(piece) for piece in pieces]
    return Batch(
        tokens=np.concatenate(pieces),
        positions=np.concatenate([np.arange(first, first + count, dtype=np.int32) for count in counts]),
        starts=np.cumsum([0, *counts], dtype=np.int32),
        lengths=np.array([first + count for count in counts], np.int32),
        blocks=tables,
        outputs=np.arange(sum(counts), dtype=np.int32),
        answers=0,
    )


def _surprise(logits: NDArray[np.float32], token: np.int32) -> float:
    """-log softmax(logits)[token]."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed in the sum
        best = logits.max()
        total = np.exp(logits - best).sum(dtype=np.float64)
        return float(np.log(total) + (best - logits[token]))
