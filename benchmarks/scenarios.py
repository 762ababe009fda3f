"""What people notice of an engine beside its plain speed, each with a goal: `python -m benchmarks.scenarios`.

Every figure is the median of several rounds, within which the things that are compared take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, aclosing, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import machine, report
from benchmarks.peers import GALERNE, LLAMA_CPP_Q4_0
from benchmarks.process import EngineProcess
from benchmarks.texts import QUOTING
from benchmarks.weights import weights_of
from benchmarks.workers import PAUSE, resident, supervised, worker_process
from galerne import bootstrap
from galerne.bootstrap import LoadedModel
from galerne.engine.engine import Engine
from galerne.engine.events import TokenEvent
from galerne.engine.limits import EngineLimits
from galerne.engine.request import GenerationRequest, Sampling
from galerne.errors import EngineFailed
from galerne.protocol.messages import UserMessage
from galerne.settings import Settings, load_settings
from galerne.weights.resolve import resolve

GREEDY = Sampling(temperature=0)
LONG, NEW = 2000, 32
STREAMS = 4
SCHEMA = {"type": "array", "minItems": 1000, "items": {"type": "object", "properties": {"name": {"type": "string"}}}}
GRAMMAR_PAIRS = 4  # a round, of answers with and without: they take half a second
ALLOWED = 250_000_000  # bytes that an engine's process may hold beside its cache and 1.3 times its weights


@dataclass(frozen=True)
class Outcome:
    """A row of the table."""

    what: str
    measured: str
    goal: str


@dataclass(frozen=True)
class Bench:
    """What the scenarios need."""

    model: Path
    loaded: LoadedModel
    threads: int
    rounds: int

    @property
    def process_settings(self) -> Settings:
        """Of an engine in a process of its own, whose cache is soon full."""
        return load_settings({"threads": self.threads, "kv_cache_mb": 64})

    def engine(self, *, speculation: bool = False) -> Engine:
        """One that finds nothing in its cache: engines of one model write over each other's."""
        return Engine(self.loaded.model, EngineLimits(prefix_cache=False, speculation=speculation))

    def prompt(self, tokens: int) -> tuple[int, ...]:
        return tuple(np.random.default_rng().integers(0, self.loaded.model.vocabulary, tokens).tolist())


def quoting(bench: Bench) -> Outcome:
    """Answers that quote their prompt, with and without lookup speculation. Raises when their text differs."""
    prompts = [tuple(bench.loaded.template.render([UserMessage(role="user", content=task)])) for task in QUOTING]
    speeds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(bench.rounds):
        answers: dict[bool, list[list[int]]] = {True: [], False: []}
        for speculation, told in answers.items():
            seconds = 0.0
            for prompt in prompts:
                request = GenerationRequest("quoting", prompt, 256, GREEDY, bench.loaded.tokenizer.stop_tokens)
                tokens, times = _run(bench.engine(speculation=speculation), request)
                told.append(tokens)
                seconds += times[-1] - times[0]
            speeds[speculation].append(sum(len(tokens) - 1 for tokens in told) / seconds)
        if answers[True] != answers[False]:
            raise RuntimeError("speculation changed an answer")
    plain, guessing = median(speeds[False]), median(speeds[True])
    return Outcome(
        "decode, answers that quote their prompt: lookup speculation, beside none (the text is the same)",
        f"{guessing / plain:.2f}x ({plain:.0f} → {guessing:.0f} tokens/s)",
        "1.5x",
    )


def shared_prefix(bench: Bench) -> Outcome:
    """The first token of a prompt whose beginning another request is using."""
    seconds: dict[str, list[float]] = {}
    with ExitStack() as stack:
        engines = []
        for candidate in (GALERNE, LLAMA_CPP_Q4_0):
            if candidate.python.exists():
                engines.append(EngineProcess(candidate, weights_of(candidate, bench.model), bench.threads))
                stack.callback(engines[-1].close)
        for number in range(bench.rounds + 1):
            for engine in engines:
                run = engine.measure("first", LONG, NEW)
                if number:
                    seconds.setdefault(engine.candidate.name, []).append(run.seconds)
    ours, *theirs = (median(runs) * 1000 for runs in seconds.values())
    measured = f"{theirs[0] / ours:.0f}x ({theirs[0]:.0f} → {ours:.0f} ms)" if theirs else f"{ours:.0f} ms"
    what = (
        f"first token, {NEW} new tokens after {LONG:,} that a running request uses, beside llama.cpp with its slot busy"
    )
    return Outcome(what, measured, "10x")


def stutter(bench: Bench) -> Outcome:
    """The longest gap between the tokens of answers under way when a long prompt arrives."""
    longest = [_longest_gap(bench) for _ in range(bench.rounds)]
    return Outcome(
        f"longest gap between the tokens of {STREAMS} answers while a prompt of {LONG:,} tokens arrives",
        f"{median(longest) * 1000:.0f} ms (worst of {bench.rounds}: {max(longest) * 1000:.0f})",
        "at most 250 ms",
    )


def _longest_gap(bench: Bench) -> float:
    engine = bench.engine()
    for number in range(STREAMS):
        engine.submit(GenerationRequest(f"{number}", bench.prompt(16), 1000, GREEDY))
    times: dict[str, list[float]] = {f"{number}": [] for number in range(STREAMS)}
    for step in range(10_000):
        if step == 20:
            engine.submit(GenerationRequest("long", bench.prompt(LONG), 1, GREEDY))
        told = {event.id for event in engine.step() if isinstance(event, TokenEvent)}
        now = time.perf_counter()
        for id in told - {"long"}:
            times[id].append(now)
        if "long" in told:
            break
    return max(after - before for each in times.values() for before, after in pairwise(each[10:]))


def grammar(bench: Bench) -> Outcome:
    """What the grammar of a JSON schema adds to a step: of one answer, and of eight at once."""
    text = f"start: %json {json.dumps(SCHEMA)}"
    engine = bootstrap.build_engine(
        bench.loaded.model, lambda: bench.loaded.tokenizer, load_settings({"speculation": False})
    )
    one, eight = (
        median(_with_and_without(engine, bench, text, streams) for _ in range(GRAMMAR_PAIRS * bench.rounds)) - 1
        for streams in (1, 8)
    )
    what = "what the grammar of a JSON schema adds to a step, of 1 answer and of 8"
    return Outcome(what, f"{one:.1%}, {eight:.1%}", "less than 5%")


def _with_and_without(engine: Engine, bench: Bench, grammar: str, streams: int) -> float:
    """How many times as long a step takes with the grammar, of answers one right after the other."""
    without, with_it = (median(_step_seconds(engine, bench, each, streams)) for each in (None, grammar))
    return with_it / without


def _step_seconds(engine: Engine, bench: Bench, grammar: str | None, streams: int) -> list[float]:
    for number in range(streams):
        engine.submit(GenerationRequest(f"{number}", bench.prompt(16), 64, GREEDY, grammar=grammar))
    told = 0
    seconds = []
    while engine.has_work:
        began = time.perf_counter()
        tokens = sum(isinstance(event, TokenEvent) for event in engine.step())
        told += tokens
        if tokens == streams and told > streams:
            seconds.append(time.perf_counter() - began)
    return seconds


def start(bench: Bench) -> list[Outcome]:
    """The engine's process from its start to its first token, and what it holds after some work."""
    seconds, held = [], []
    for _ in range(bench.rounds):
        took, memory = asyncio.run(_start(bench))
        seconds.append(took)
        held.append(memory)
    allowed = 1.3 * bench.loaded.size + (bench.process_settings.kv_cache_mb << 20) + ALLOWED
    return [
        Outcome("start of the engine's process, to its first token", f"{median(seconds):.2f} s", "1.5 s"),
        Outcome(
            "memory of the engine's process after answers that filled a cache of 64 MiB",
            f"{max(held) / 1e6:.0f} MB (its weights: {bench.loaded.size / 1e6:.0f} MB)",
            f"{allowed / 1e6:.0f} MB",
        ),
    ]


async def _start(bench: Bench) -> tuple[float, int]:
    began = time.perf_counter()
    async with supervised(bench.model, bench.process_settings) as generator:
        seconds = time.perf_counter() - began
        for number in range(3):
            request = GenerationRequest(f"{number}", bench.prompt(1000), 8, GREEDY)
            async with aclosing(generator.generate(request, lambda _: None)) as events:
                async for _ in events:
                    pass
        return seconds, resident(worker_process())


def killed(bench: Bench) -> Outcome:
    """An engine's process killed in the middle of an answer: when its asker is told, and when it answers again."""
    told, back = zip(*(asyncio.run(_killed(bench)) for _ in range(bench.rounds)), strict=True)
    return Outcome(
        "the engine's process killed in mid-answer: the asker is told; the next answer's first token",
        f"{median(told) * 1000:.0f} ms; {median(back):.2f} s (worst of {bench.rounds}: {max(back):.2f})",
        "at once; 5 s",
    )


async def _killed(bench: Bench) -> tuple[float, float]:
    async with supervised(bench.model, bench.process_settings) as generator:
        request = GenerationRequest("killed", bench.prompt(16), 1000, GREEDY)
        async with aclosing(generator.generate(request, lambda _: None)) as events:
            await anext(events)
            began = time.perf_counter()
            os.kill(worker_process(), signal.SIGKILL)
            with suppress(EngineFailed):
                async for _ in events:
                    pass  # what had been said already
        told = time.perf_counter() - began
        while not await generator.ready():
            await asyncio.sleep(PAUSE)
        return told, time.perf_counter() - began


def _run(engine: Engine, request: GenerationRequest) -> tuple[list[int], list[float]]:
    """The tokens of the answer, and when each came."""
    engine.submit(request)
    tokens: list[int] = []
    times: list[float] = []
    while engine.has_work:
        new = [event.token for event in engine.step() if isinstance(event, TokenEvent)]
        tokens += new
        times += [time.perf_counter()] * len(new)
    return tokens, times


SCENARIOS: tuple[Callable[[Bench], Outcome | list[Outcome]], ...] = (
    quoting,
    shared_prefix,
    stutter,
    grammar,
    start,
    killed,
)


def main() -> None:
    options = _options()
    settings = load_settings({"threads": options.threads})
    model = resolve(options.model, settings).path
    bench = Bench(model, bootstrap.load_local_model(str(model), settings), options.threads, options.rounds)
    outcomes: list[Outcome] = []
    for scenario in SCENARIOS:
        if options.only in scenario.__name__:
            print(scenario.__name__, file=sys.stderr, flush=True)
            outcome = scenario(bench)
            outcomes += outcome if isinstance(outcome, list) else [outcome]
    bench.loaded.template.close()
    rows = report.table(["scenario", "measured", "goal"], [[each.what, each.measured, each.goal] for each in outcomes])
    method = f"{options.model}, {options.threads} threads, medians of {options.rounds} rounds"
    report.put(options.output, "scenarios", [report.provenance("make bench", method), "", *rows])
    print(f"Written to {options.output}\n" + "\n".join(rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scenarios", description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a GGUF model, by name or path")
    parser.add_argument("--threads", type=int, default=machine.usable_cpus())
    parser.add_argument("--rounds", type=int, default=5, help="each figure is the median of so many")
    parser.add_argument("--only", default="", help="only the scenarios whose names hold this")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
