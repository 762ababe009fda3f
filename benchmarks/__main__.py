"""Measure every engine that is installed, on the default model's weights, and write docs/performance.md."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from benchmarks import comparison, machine, report
from benchmarks.measure import Result, measure
from benchmarks.peers import CANDIDATES, GALERNE, Candidate
from benchmarks.process import EngineError, EngineProcess
from benchmarks.weights import weights_of
from galerne.settings import load_settings
from galerne.weights.resolve import resolve


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # and the engines with it
    model = resolve(options.model, load_settings()).path
    missing = [_how_to_install(candidate) for candidate in CANDIDATES if not candidate.python.exists()]
    with ExitStack() as stack:
        engines: list[tuple[EngineProcess, Result]] = []
        results: list[Result] = []
        for candidate in CANDIDATES:
            if not candidate.python.exists() or (candidate is not GALERNE and options.only not in candidate.name):
                continue
            _announce(f"loading {candidate.name}, weights {candidate.weights}")
            result = Result(candidate.name, candidate.weights, "")
            results.append(result)
            try:
                process = EngineProcess(candidate, weights_of(candidate, model), options.threads)
            except EngineError as error:
                result.failure = str(error)
                _announce(f"{candidate.name}: {error}")
                continue
            stack.callback(process.close)
            result.version = process.version
            engines.append((process, result))
        measure(engines, options.rounds, _announce)
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    method = f"{options.model}, {options.threads} threads, medians of {options.rounds} interleaved rounds"
    lines = comparison.lines(results, options.output.with_suffix(".svg"), sorted(set(missing)))
    report.put(options.output, "engines", [report.provenance("make bench", method), "", *lines])
    print(f"Written to {options.output}\n" + "\n".join(comparison.ratios(results)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a GGUF model, by name or path")
    parser.add_argument("--threads", type=int, default=machine.usable_cpus())
    parser.add_argument("--rounds", type=int, default=5, help="each figure is the median of so many")
    parser.add_argument("--only", default="", help="only the engines whose names hold this, and Galerne")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT)
    parser.add_argument("--json", type=Path, help="write every single run there")
    return parser.parse_args()


def _how_to_install(candidate: Candidate) -> str:
    assert candidate.peer is not None
    return f"`python -m benchmarks.install {candidate.peer.name}` installs it."


def _announce(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
