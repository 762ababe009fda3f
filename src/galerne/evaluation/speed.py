"""How fast a model runs on this machine.

The method, which `benchmarks/` follows for every engine: random tokens (what they say has no influence on the speed),
one engine in this process, nothing shared between prompts, no speculation. Prefill is the time from handing a prompt
over to its first token; decode is the time from the moment when every stream has its first token to the last one. CPU
time is that of all threads of the process. Each figure is the median of several rounds, in each of which all of them
are measured, so that a disturbed moment does not fall on one figure alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Protocol

import numpy as np

from galerne.engine.engine import Clock, Engine
from galerne.engine.events import EndEvent, EndReason, Event, TokenEvent
from galerne.engine.request import GenerationRequest, Sampling
from galerne.errors import EngineFailed, PromptTooLong

PROMPT = 16
"""Tokens of the prompts that decoding starts from."""

ANSWER = 256
"""Tokens that one stream generates."""

STREAM_ANSWER = 128
"""Tokens that each of eight streams generates."""


class Shape(Protocol):
    """What the bench asks of a model."""

    @property
    def vocabulary(self) -> int: ...
    @property
    def context_length(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians. None: the model's context, or its cache, is too small for that."""

    prefill_512: float | None  # tokens/s
    prefill_2000: float | None
    decode_1: float | None  # tokens/s of one stream
    decode_8: float | None  # tokens/s of eight streams together
    prefill_cpu_seconds_per_token: float | None  # of the prompt of 512 tokens
    decode_cpu_seconds_per_token: float | None  # of one stream


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement."""

    tokens: int
    seconds: float  # wall time
    cpu_seconds: float  # of all threads


def measure(
    bench: Bench, *, rounds: int = 5, seconds: float = 60, announce: Callable[[str], None] = lambda _: None
) -> Speed:
    """Measure for `rounds` rounds, or fewer when `seconds` have passed, but at least one. Raises `EngineFailed`."""
    bench.decode(1, 8)  # the first steps touch the weights for the first time
    figures: dict[str, Callable[[], Run]] = {
        "prefill_512": partial(bench.prefill, 512),
        "prefill_2000": partial(bench.prefill, 2000),
        "decode_1": partial(bench.decode, 1, ANSWER),
        "decode_8": partial(bench.decode, 8, STREAM_ANSWER),
    }
    runs: dict[str, list[Run]] = {name: [] for name in figures}
    began = bench.clock()
    for number in range(1, rounds + 1):
        announce(f"round {number} of {rounds}")
        for name, run in figures.items():
            with suppress(PromptTooLong):
                runs[name].append(run())
        if bench.clock() - began > seconds:
            break
    return Speed(
        **{name: _median(measured, lambda run: run.tokens / run.seconds) for name, measured in runs.items()},
        prefill_cpu_seconds_per_token=_median(runs["prefill_512"], lambda run: run.cpu_seconds / run.tokens),
        decode_cpu_seconds_per_token=_median(runs["decode_1"], lambda run: run.cpu_seconds / run.tokens),
    )


def _median(runs: list[Run], figure: Callable[[Run], float]) -> float | None:
    return median(map(figure, runs)) if runs else None


class Bench:
    """Prompts that have nothing in common, through one engine, which must be idle and must not speculate."""

    def __init__(
        self, engine: Engine, shape: Shape, clock: Clock = time.perf_counter, cpu_clock: Clock = time.process_time
    ) -> None:
        """`clock` gives wall time and `cpu_clock` the CPU time of all threads of the process, in seconds."""
        self._engine = engine
        self._shape = shape
        self.clock = clock
        self._cpu_clock = cpu_clock
        self._random = np.random.default_rng(0)
        self._requests = 0

    def prefill(self, tokens: int) -> Run:
        request = self._request(tokens, answer=1)
        began, cpu_began = self.clock(), self._cpu_clock()
        self._engine.submit(request)
        while self._engine.has_work:
            self._step()
        return Run(tokens, self.clock() - began, self._cpu_clock() - cpu_began)

    def decode(self, streams: int, answer: int) -> Run:
        for _ in range(streams):
            self._engine.submit(self._request(PROMPT, answer))
        started: set[str] = set()
        while len(started) < streams:
            started |= {event.id for event in self._step() if isinstance(event, TokenEvent)}
        began, cpu_began = self.clock(), self._cpu_clock()
        tokens = 0
        while self._engine.has_work:
            tokens += sum(isinstance(event, TokenEvent) for event in self._step())
        return Run(tokens, self.clock() - began, self._cpu_clock() - cpu_began)

    def _request(self, tokens: int, answer: int) -> GenerationRequest:
        self._requests += 1
        prompt = tuple(self._random.integers(0, self._shape.vocabulary, tokens).tolist())
        return GenerationRequest(f"bench-{self._requests}", prompt, answer, Sampling(temperature=0))

    def _step(self) -> list[Event]:
        events = self._engine.step()
        for event in events:
            if isinstance(event, EndEvent) and event.reason is EndReason.FAILED:
                raise EngineFailed(event.error or "the model failed.")
        return events
