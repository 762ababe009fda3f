"""`make fuzz`: runs side by side, each with another seed, until there were so many requests.

Making requests up takes most of the time, and more than one process of Python can use: so each run has one.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from tests.fuzz.campaign import SECONDS, House, server

from galerne.settings import Settings
from galerne.weights.catalogue import load_catalogue
from galerne.weights.pull import pull
from galerne.weights.store import Store


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="how many at least")
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--runs", type=int, default=os.cpu_count(), help="side by side")
    parser.add_argument("--examples", type=int, default=15, help="made up for each operation, in a run")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    models = Settings().models_dir
    pull(load_catalogue()["smollm2-135m-instruct"], Store(models), lambda *_: None)
    with tempfile.TemporaryDirectory() as folder, server(models, Path(folder) / "data") as house:
        found = 0
        for first in count(options.seed, options.runs):
            seeds = range(first, first + options.runs)
            found += _attack(house, Path(folder), seeds, options.examples)
            statuses = house.answers()
            print(f"seeds {seeds[0]} to {seeds[-1]}: {statuses.total()} requests so far", flush=True)
            if found or statuses.total() >= options.requests:
                return _tell(statuses, house, found)
    raise AssertionError


def _attack(house: House, folder: Path, seeds: range, examples: int) -> int:
    """How many of the runs found something, which is printed."""
    with ThreadPoolExecutor(len(seeds)) as pool:
        runs = list(pool.map(lambda seed: house.attack(folder, seed, "--max-examples", str(examples)), seeds))
    wrong = [run for run in runs if run.returncode]
    print(*(run.stdout + run.stderr for run in wrong), sep="\n")
    return len(wrong)


def _tell(statuses: Counter[tuple[str, int]], house: House, found: int) -> int:
    """The verdict, as an exit code."""
    for (route, status), number in sorted(statuses.items()):
        print(f"{number:7} {status} {route}")
    kinds = Counter[str]()
    for (_, status), number in statuses.items():
        kinds[f"{status // 100}xx"] += number
    seconds, slowest = house.watch.slowest
    told = ", ".join(f"{number} of {kind}" for kind, number in sorted(kinds.items()))
    print(f"{statuses.total()} requests, as the server counted them: {told}.")
    print(f"The slowest answer took {seconds:.2f} seconds: {slowest[:100]}.")
    print(f"Runs that found something against the documents: {found or 'none'}.")
    right = not found and not kinds["5xx"] and seconds <= SECONDS and house.knows_key()
    print("passed" if right else "FAILED")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
