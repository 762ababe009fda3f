"""Galerne's own engine, in the environment of the repository."""

from __future__ import annotations

import random

from benchmarks.engines.worker import Run, Stopwatch, serve
from galerne import __version__, bootstrap
from galerne.engine.events import TokenEvent
from galerne.engine.request import GenerationRequest, Sampling
from galerne.evaluation.speed import Bench
from galerne.settings import load_settings

BUSY = 500
"""Tokens of an answer that is still under way when it has been measured beside it."""


class Galerne:
    def __init__(self, model: str, threads: int) -> None:
        settings = load_settings({"threads": threads, "speculation": False})
        loaded = bootstrap.load_local_model(model, settings)
        self._engine = bootstrap.build_engine(loaded.model, lambda: loaded.tokenizer, settings)
        self._bench = Bench(self._engine, loaded.model)
        self._vocabulary = loaded.model.vocabulary
        self._random = random.Random(0)
        self.version = f"{__version__} ({loaded.level})"

    def prefill(self, tokens: int) -> Run:
        run = self._bench.prefill(tokens)
        return Run(run.tokens, run.seconds, run.cpu_seconds)

    def decode(self, streams: int, tokens: int) -> Run:
        run = self._bench.decode(streams, tokens)
        return Run(run.tokens, run.seconds, run.cpu_seconds)

    def first(self, prefix: int, new: int) -> Run:
        common = self._prompt(prefix)
        self._engine.submit(GenerationRequest("busy", common, BUSY, Sampling(temperature=0)))
        self._step_until("busy")
        request = GenerationRequest("new", common + self._prompt(new), 1, Sampling(temperature=0))
        watch = Stopwatch()
        self._engine.submit(request)
        self._step_until("new")
        run = watch.run(prefix + new)
        self._engine.cancel("busy")
        while self._engine.has_work:
            self._engine.step()
        return run

    def _step_until(self, id: str) -> None:
        """Until the first token of a request."""
        while not any(isinstance(event, TokenEvent) and event.id == id for event in self._engine.step()):
            pass

    def _prompt(self, tokens: int) -> tuple[int, ...]:
        return tuple(self._random.randrange(self._vocabulary) for _ in range(tokens))


if __name__ == "__main__":
    serve(Galerne)
