"""Galerne's own engine, in the environment of the repository."""

from __future__ import annotations

from benchmarks.engines.worker import Run, serve
from galerne import __version__, bootstrap
from galerne.evaluation.speed import Bench
from galerne.settings import load_settings


class Galerne:
    def __init__(self, model: str, threads: int) -> None:
        settings = load_settings({"threads": threads, "speculation": False})
        loaded = bootstrap.load_local_model(model, settings)
        self._bench = Bench(bootstrap.build_engine(loaded.model, lambda: loaded.tokenizer, settings), loaded.model)
        self.version = f"{__version__} ({loaded.level})"

    def prefill(self, tokens: int) -> Run:
        run = self._bench.prefill(tokens)
        return Run(run.tokens, run.seconds, run.cpu_seconds)

    def decode(self, streams: int, tokens: int) -> Run:
        run = self._bench.decode(streams, tokens)
        return Run(run.tokens, run.seconds, run.cpu_seconds)


if __name__ == "__main__":
    serve(Galerne)
