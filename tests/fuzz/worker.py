"""The process of an engine over a model that knows nothing, so that thousands of requests take minutes, not days.

All else is real: the tokenizer and the chat template of the default model, the scheduler, the sampler, grammars.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from galerne.backends.messages import Load
from galerne.backends.worker import work
from galerne.bootstrap import build_engine
from galerne.engine.engine import Engine
from galerne.kernels.batch import BLOCK, Batch
from galerne.prompt import open_tokenizer
from galerne.settings import Settings
from galerne.weights import open_checkpoint

COMMAND = (sys.executable, "-c", "from tests.fuzz.worker import main; main()")
CONTEXT = 512


class QuickModel:
    """Logits out of a hat. Every eighth row says that the answer ends."""

    answers_apart = False
    blocks = 16 * CONTEXT // BLOCK
    max_rows = 4096
    context_length = CONTEXT

    def __init__(self, vocabulary: int, stops: Sequence[int]) -> None:
        self.vocabulary = vocabulary
        self._hat = np.random.Generator(np.random.Philox(1)).standard_normal((8, vocabulary), np.float32)
        self._hat[0, list(stops)] = 50

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        rows = batch.outputs
        return self._hat[(batch.positions[rows] + batch.tokens[rows]) % len(self._hat)]

    def copy_block(self, source: int, target: int) -> None: ...


def _load(load: Load) -> tuple[Engine, str, int]:
    checkpoint = open_checkpoint(Path(load.model))
    tokenizer = open_tokenizer(checkpoint)
    model = QuickModel(tokenizer.vocabulary_size, list(tokenizer.stop_tokens))
    return build_engine(model, lambda: tokenizer, Settings(**load.settings)), "quick", CONTEXT


def main() -> None:
    work(socket.socket(fileno=int(sys.argv[1])), _load)
