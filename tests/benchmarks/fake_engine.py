"""An engine for the tests of the bench: it runs at once, and dies or is silent where its model's name says so."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.engines.worker import Run, serve


class Fake:
    def __init__(self, model: str, threads: int) -> None:
        self._name = Path(model).name
        print("engines print on standard output")
        if self._name == "unloadable":
            sys.exit("there is no such model")
        self.version = f"fake {threads}"

    def prefill(self, tokens: int) -> Run:
        if self._name == "crashing":
            os.abort()
        return Run(tokens, 0.5, 1.0)

    def decode(self, streams: int, tokens: int) -> Run:
        return Run(streams * tokens, 2.0, 4.0)


if __name__ == "__main__":
    serve(Fake)
