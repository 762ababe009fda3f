"""Measure every engine that is installed, on the default model's weights, and write docs/performance.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine, report
from benchmarks.measure import Result, measure
from benchmarks.peers import CANDIDATES, GALERNE, LLAMA_CPP, Candidate, weights_folder
from benchmarks.process import EngineError, EngineProcess
from galerne.settings import load_settings
from galerne.weights.resolve import resolve


def main() -> None:
    options = _options()
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
                process = EngineProcess(candidate, _weights(candidate, model), options.threads)
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
    facts = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with `make bench`: {options.model}, {options.threads} threads,"
        f" medians of {options.rounds} interleaved rounds. {machine.describe()}.",
    )
    report.write(options.output, results, facts, sorted(set(missing)))
    print(f"Written to {options.output}\n" + "\n".join(report.ratios(results)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a GGUF model, by name or path")
    parser.add_argument("--threads", type=int, default=machine.usable_cpus())
    parser.add_argument("--rounds", type=int, default=5, help="each figure is the median of so many")
    parser.add_argument("--only", default="", help="only the engines whose names hold this, and Galerne")
    parser.add_argument("--output", type=Path, default=Path("docs/performance.md"))
    parser.add_argument("--json", type=Path, help="write every single run there")
    return parser.parse_args()


def _how_to_install(candidate: Candidate) -> str:
    assert candidate.peer is not None
    return f"`python -m benchmarks.install {candidate.peer.name}` installs it."


def _weights(candidate: Candidate, model: Path) -> Path:
    """The model's file, converted for those who run another type faster; the conversion is kept."""
    if candidate.weights == "as shipped":
        return model
    converted = weights_folder() / f"{model.stem}-as-{candidate.weights}.gguf"
    if not converted.exists():
        if not LLAMA_CPP.python.exists():
            raise EngineError(f"llama-cpp-python is needed to convert the weights to {candidate.weights}")
        converted.parent.mkdir(parents=True, exist_ok=True)
        partial = converted.with_suffix(".partial")
        done = subprocess.run(
            [LLAMA_CPP.python, "-m", "benchmarks.engines.requantise", model, partial],
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise EngineError(f"the weights could not be converted to {candidate.weights}")
        partial.rename(converted)
    return converted


def _announce(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
