"""The rounds: every figure of every engine once, then again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.engines.worker import Run
from benchmarks.process import EngineError, EngineProcess


@dataclass(frozen=True)
class Figure:
    """What is measured, and what of it."""

    name: str
    title: str
    command: tuple[str, int] | tuple[str, int, int]


STREAMS, TOKENS = 8, 128
"""Answers that are decoded side by side, and how long each is."""

FIGURES = (
    Figure("prefill_512", "prefill 512", ("prefill", 512)),
    Figure("prefill_2000", "prefill 2,000", ("prefill", 2000)),
    Figure("decode_1", "decode, 1 stream", ("decode", 1, 256)),
    Figure("decode_8", f"decode, {STREAMS} streams", ("decode", STREAMS, TOKENS)),
)


@dataclass
class Result:
    """All runs of one engine."""

    name: str
    weights: str
    version: str
    runs: dict[str, list[Run]] = field(default_factory=lambda: {figure.name: [] for figure in FIGURES})
    failure: str | None = None  # why it has no further runs

    def speed(self, figure: str) -> float | None:
        """Median, in tokens per second."""
        runs = self.runs[figure]
        return median(run.tokens / run.seconds for run in runs) if runs else None

    def cpu(self, figure: str) -> float | None:
        """Median of the CPU time of a token, in seconds."""
        runs = self.runs[figure]
        return median(run.cpu_seconds / run.tokens for run in runs) if runs else None


def measure(engines: Sequence[tuple[EngineProcess, Result]], rounds: int, announce: Callable[[str], None]) -> None:
    """Fill the results. The engines take turns at each figure; the first runs of all are thrown away."""
    for number in range(rounds + 1):
        for figure in FIGURES:
            for process, result in engines:
                if result.failure is not None:
                    continue
                announce(f"round {number} of {rounds}: {figure.title}, {result.name}" if number else "warming up")
                try:
                    run = process.measure(*figure.command)
                except EngineError as error:
                    result.failure = str(error)
                    announce(f"{result.name}: {error}")
                    continue
                if number:
                    result.runs[figure.name].append(run)
