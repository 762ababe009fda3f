"""Decoding larger models, where reading the weights is what takes the time: `python -m benchmarks.shapes`.

A token needs every weight once. So the memory's speed, measured by a plain read with as many threads, sets the limit;
reads and tokens take turns, so that a disturbed moment falls on both. Nothing is downloaded: the weights are random.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

from benchmarks import machine, report
from benchmarks.bandwidth import Bandwidth
from benchmarks.random_weights import LLAMA_1B, MISTRAL_7B, SCALES, CopyingKernels, Shape, random_checkpoint
from galerne import models
from galerne.engine.engine import Engine
from galerne.engine.limits import EngineLimits
from galerne.evaluation.speed import Bench
from galerne.kernels.native import native_kernels
from galerne.settings import Settings, load_settings
from galerne.weights.checkpoint import Checkpoint

TOKENS = 24
BLOCKS, ROWS = 16, 64
GOAL = 0.8


def main() -> None:
    options = _options()
    settings = load_settings({"threads": options.threads})
    bandwidth = Bandwidth(options.threads)
    rows = []
    for shape in (LLAMA_1B, MISTRAL_7B):
        for kind in SCALES:
            if options.only in f"{shape.name} {kind}":
                print(f"{shape.name}, {kind}", file=sys.stderr, flush=True)
                rows.append(_row(shape, kind, bandwidth, settings, options.rounds))
    lines = report.table(["model, type", "tokens/s", "weights read, GB/s", "plain read, GB/s", "share"], rows)
    method = f"random weights, {options.threads} threads, medians of {options.rounds} interleaved rounds"
    report.put(options.output, "shapes", [report.provenance("make shapes", method), "", *lines])
    print(f"Written to {options.output} (the goal is a share of {GOAL:.0%})\n" + "\n".join(lines))


def _row(shape: Shape, kind: str, bandwidth: Bandwidth, settings: Settings, rounds: int) -> list[str]:
    checkpoint = random_checkpoint(shape, kind)
    kernels = CopyingKernels(native_kernels(settings.kernels, settings.threads, settings.kernels_dir))
    model = models.load(checkpoint, kernels, BLOCKS, ROWS)
    bench = Bench(Engine(model, EngineLimits(speculation=False)), model)
    bench.decode(1, 4)
    speeds, reads = [], []
    for _ in range(rounds):
        reads.append(bandwidth.measure())
        run = bench.decode(1, TOKENS)
        speeds.append(run.tokens / run.seconds)
    speed, plain = median(speeds), median(reads)
    read = speed * _bytes_a_token(shape, checkpoint)
    return [f"{shape.name}, {kind}", f"{speed:.1f}", f"{read / 1e9:.1f}", f"{plain / 1e9:.1f}", f"{read / plain:.0%}"]


def _bytes_a_token(shape: Shape, checkpoint: Checkpoint) -> int:
    """What is read of the weights, which take as much in memory as in a file. Of an embedding that is not the output,
    too, a row is read."""
    tensors = checkpoint.tensors.values()
    return sum(each.data.nbytes for each in tensors if shape.tied or each.name != "token_embd.weight")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shapes", description=__doc__)
    parser.add_argument("--threads", type=int, default=machine.usable_cpus())
    parser.add_argument("--rounds", type=int, default=5, help="each figure is the median of so many")
    parser.add_argument("--only", default="", help="only the shapes and types whose names hold this")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
