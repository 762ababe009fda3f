"""A worker over the fake model, as `SupervisedGenerator` starts it: with ways to misbehave."""

from __future__ import annotations

import socket
import sys
import time

import numpy as np
from numpy.typing import NDArray
from tests.engine.fake_model import FakeModel

from galerne.backends.messages import Load
from galerne.backends.worker import work
from galerne.engine.engine import Engine
from galerne.errors import BadFile
from galerne.kernels.batch import Batch

COMMAND = (sys.executable, "-c", "from tests.backends.worker import main; main()")
CONTEXT = 512
HANGS = 38
"""The token of a prompt that makes the model hang."""
CRASHES = 37
"""The token of a prompt that makes the process end."""


class MoodyModel(FakeModel):
    """Slow enough to be caught in mid-answer."""

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        if HANGS in batch.tokens[:1]:
            time.sleep(3600)
        if CRASHES in batch.tokens[:1]:
            raise SystemExit(3)
        time.sleep(0.005)
        return super().forward(batch)


def load(message: Load) -> tuple[Engine, str, int]:
    if message.model == "damaged":
        raise BadFile("is damaged.", where="damaged")
    print(f"loaded {message.model}", flush=True)
    return Engine(MoodyModel()), "fake", CONTEXT


def main() -> None:
    work(socket.socket(fileno=int(sys.argv[1])), load)
