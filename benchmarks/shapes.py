"""Decoding larger models, where reading the weights is what takes the time: `python -m benchmarks.shapes`.

A token needs every weight once, so the memory's speed sets the limit, measured by a plain read with as many threads. It
differs from one second to the next where other machines use the same memory, so each step stands between two reads, and
is compared with these. Counted are the matrices as they are in memory, but no keys and values. Nothing is downloaded:
the weights are random.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, report
from benchmarks.bandwidth import SIZE, PlainRead
from benchmarks.random_weights import LLAMA_1B, MISTRAL_7B, SCALES, CopyingKernels, Shape, random_checkpoint
from galerne import models
from galerne.engine.engine import Engine
from galerne.engine.events import TokenEvent
from galerne.engine.limits import EngineLimits
from galerne.engine.request import GenerationRequest, Sampling
from galerne.errors import EngineFailed
from galerne.kernels.native import native_kernels
from galerne.settings import Settings, load_settings

PROMPT = 16
WARM_UP = 4
BLOCKS, ROWS = 16, 64
GOAL = 0.8

CALM = 0.9
"""The slower of two reads, as a share of the faster one, if the memory's speed did not change in between."""


def main() -> None:
    options = _options()
    settings = load_settings({"threads": options.threads})
    plain = PlainRead(options.threads)
    rows = []
    for shape in (LLAMA_1B, MISTRAL_7B):
        for kind in SCALES:
            if options.only in f"{shape.name} {kind}":
                print(f"{shape.name}, {kind}", file=sys.stderr, flush=True)
                rows.append(_row(shape, kind, plain, settings, options.steps))
    head = ["model, type", "a token reads", "tokens/s", "that is", "plain read", "share", "of 3 in 4 steps", "goal"]
    method = (
        f"random weights, {options.threads} threads; of {options.steps} steps of one stream, each between two plain"
    )
    method += f" reads of {SIZE >> 20} MiB that are alike, the one with the median share"
    lines = report.table(head, rows)
    report.put(options.output, "shapes", [report.provenance("make shapes", method), "", *lines])
    print(f"Written to {options.output}\n" + "\n".join(lines))


def _row(shape: Shape, kind: str, plain: PlainRead, settings: Settings, steps: int) -> list[str]:
    kernels = CopyingKernels(native_kernels(settings.kernels, settings.threads, settings.kernels_dir))
    model = models.load(random_checkpoint(shape, kind), kernels, BLOCKS, ROWS)
    size = sum(size for name, size in kernels.sizes.items() if shape.tied or name != "token_embd.weight")
    engine = Engine(model, EngineLimits(speculation=False))
    engine.submit(GenerationRequest("shapes", tuple(range(PROMPT)), 1 + WARM_UP + steps, Sampling(temperature=0)))
    for _ in range(1 + WARM_UP):
        _step(engine)
    seconds, reads = [], [plain.speed()]
    for _ in range(steps):
        seconds.append(_step(engine))
        reads.append(plain.speed())
    compared = compare(size, seconds, reads)
    middle, lower = compared[len(compared) // 2], compared[len(compared) // 4]
    speeds = [f"{speed / 1e9:.1f} GB/s" for speed in (middle.speed, middle.plain)]
    shares = [f"{middle.share:.0%}", f"{lower.share:.0%}", f"{GOAL:.0%}"]
    return [f"{shape.name}, {kind}", f"{size / 1e6:,.0f} MB", f"{middle.speed / size:.1f}", *speeds, *shares]


def _step(engine: Engine) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    events = engine.step()
    seconds = time.perf_counter() - began
    if not any(isinstance(event, TokenEvent) for event in events):
        raise EngineFailed("a step gave no token.")
    return seconds


@dataclass(frozen=True)
class Compared:
    """A step beside the reads before and after it, in bytes per second."""

    speed: float
    plain: float

    @property
    def share(self) -> float:
        return self.speed / self.plain


def compare(size: int, seconds: Sequence[float], reads: Sequence[float]) -> list[Compared]:
    """Steps that read so many bytes, from the smallest share to the largest, without those during which the memory's
    speed changed, unless it always does. `reads`: one more than there are steps."""
    around = list(zip(seconds, reads[:-1], reads[1:], strict=True))
    calm = [each for each in around if min(each[1:]) > CALM * max(each[1:])]
    steps = [Compared(size / step, (before + after) / 2) for step, before, after in calm or around]
    return sorted(steps, key=lambda step: step.share)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shapes", description=__doc__)
    parser.add_argument("--threads", type=int, default=machine.usable_cpus())
    parser.add_argument("--steps", type=int, default=100, help="the figures are those of the one in the middle")
    parser.add_argument("--only", default="", help="only the shapes and types whose names hold this")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
