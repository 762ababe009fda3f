"""The engine's process at full load for an hour, to see whether its memory stays what it is: `make soak`.

Clients ask one request after the other, of every kind: short and long prompts, prompts that begin alike, grammars,
answers that are given up half-way. What the process holds is sampled; the line through the samples of the last three
quarters has a slope, which should be about nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks import machine, report
from benchmarks.workers import resident, supervised, worker_process
from galerne.backends.supervised import SupervisedGenerator
from galerne.engine.events import TokenEvent
from galerne.engine.request import GenerationRequest, Priority, Sampling
from galerne.errors import GalerneError
from galerne.prompt import open_tokenizer
from galerne.prompt.tokenizer import Tokenizer
from galerne.settings import load_settings
from galerne.weights import open_checkpoint
from galerne.weights.resolve import resolve

CLIENTS = 12
CACHE_MB = 128
SAMPLE_SECONDS = 10
COMMON = 8
"""Beginnings that prompts share."""

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
}
GRAMMAR = f"start: %json {json.dumps(SCHEMA)}"
STEADY = 10.0  # MB an hour that a slope may be: less than what its samples scatter


@dataclass
class Tally:
    """What has happened so far."""

    ended: int = 0
    left: int = 0  # given up by their client
    tokens: int = 0
    failures: list[str] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)  # (seconds, bytes)

    def slope(self) -> float:
        """MB an hour, of the last three quarters."""
        seconds, held = np.array(self.memory[len(self.memory) // 4 :], np.float64).T
        return float(np.polyfit(seconds / 3600, held / 1e6, 1)[0])


class Client:
    """Asks one request after the other."""

    def __init__(self, number: int, generator: SupervisedGenerator, tokenizer: Tokenizer, tally: Tally) -> None:
        self._random = random.Random(number)
        self._vocabulary = tokenizer.vocabulary_size
        self._stops = tokenizer.stop_tokens
        self._name = f"client-{number}"
        self._generator = generator
        self._tally = tally

    async def ask_until(self, end: float) -> None:
        number = 0
        while time.monotonic() < end:
            number += 1
            try:
                await self._ask(self._request(f"{self._name}-{number}"))
            except GalerneError as error:
                self._tally.failures.append(str(error))

    async def _ask(self, request: GenerationRequest) -> None:
        patience = self._random.choice((10_000, 10_000, 10_000, self._random.randrange(1, 40)))
        async with aclosing(self._generator.generate(request, lambda _: None)) as events:
            async for event in events:
                patience -= isinstance(event, TokenEvent)
                self._tally.tokens += isinstance(event, TokenEvent)
                if patience <= 0:
                    self._tally.left += 1
                    return
        self._tally.ended += 1

    def _request(self, id: str) -> GenerationRequest:
        draw = self._random
        beginning = random.Random(draw.randrange(COMMON)).choices(
            range(self._vocabulary), k=draw.choice((0, 0, 200, 700))
        )
        own = draw.choices(range(self._vocabulary), k=draw.choice((8, 30, 100, 900)))
        return GenerationRequest(
            id,
            (*beginning, *own),
            draw.randrange(1, 200),
            Sampling(draw.choice((0.0, 0.8)), top_p=draw.choice((1.0, 0.9)), seed=draw.randrange(1 << 30)),
            self._stops,
            tenant=draw.choice(("a", "b", "c")),
            priority=draw.choice(tuple(Priority)),
            grammar=GRAMMAR if draw.random() < 0.2 else None,
        )


async def _watch(process: int, tally: Tally) -> None:
    """Sample the memory, and say each minute how it goes."""
    began = time.monotonic()
    minute = 0
    while True:
        await asyncio.sleep(SAMPLE_SECONDS)
        seconds = time.monotonic() - began
        tally.memory.append((seconds, resident(process)))
        if seconds >= 60 * (minute + 1):
            minute = int(seconds // 60)
            print(_line(minute, tally), file=sys.stderr, flush=True)


def _line(minute: int, tally: Tally) -> str:
    return (
        f"minute {minute}: {tally.memory[-1][1] / 1e6:.0f} MB, {tally.ended} requests ended, {tally.left} given up,"
        f" {tally.tokens} tokens, {len(tally.failures)} failures"
    )


async def _soak(model: Path, minutes: float, threads: int) -> tuple[Tally, float]:
    """What happened, and how often the process had to be started again."""
    tally = Tally()
    tokenizer = open_tokenizer(open_checkpoint(model))
    settings = load_settings({"threads": threads, "kv_cache_mb": CACHE_MB})
    async with supervised(model, settings) as generator:
        watch = asyncio.create_task(_watch(worker_process(), tally))
        end = time.monotonic() + 60 * minutes
        await asyncio.gather(*(Client(number, generator, tokenizer, tally).ask_until(end) for number in range(CLIENTS)))
        watch.cancel()
        return tally, generator.statistics()["restarts"]


def main() -> None:
    options = _options()
    model = resolve(options.model, load_settings({})).path
    tally, restarts = asyncio.run(_soak(model, options.minutes, options.threads))
    held = [memory for _, memory in tally.memory[len(tally.memory) // 4 :]]
    slope = tally.slope()
    rows = [
        ["requests that ended, that were given up", f"{tally.ended:,}, {tally.left:,}", ""],
        ["tokens", f"{tally.tokens:,}", ""],
        ["failures, restarts", f"{len(tally.failures)}, {restarts:.0f}", "0, 0"],
        ["memory, least and most", f"{min(held) / 1e6:.0f}, {max(held) / 1e6:.0f} MB", ""],
        ["its slope", f"{slope:+.1f} MB an hour", f"within {STEADY:.0f}"],
    ]
    method = f"{options.model}, {options.threads} threads, {CLIENTS} clients, {options.minutes:g} minutes"
    lines = report.table(["an hour at full load", "measured", "goal"], rows)
    report.put(options.output, "soak", [report.provenance("make soak", method), "", *lines])
    print("\n".join([*lines, *sorted(set(tally.failures))]))
    sys.exit(bool(tally.failures or restarts or slope > STEADY))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a GGUF model, by name or path")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--threads", type=int, default=machine.usable_cpus())
    parser.add_argument("--output", type=Path, default=report.DOCUMENT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
