"""`make fuzz`: runs side by side, each with another seed, until there were so many requests.

Making requests up takes most of the time, and more than one process of Python can use: so each run has one.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from tests.fuzz.campaign import answers, attack, server

from galerne.settings import Settings
from galerne.weights.catalogue import load_catalogue
from galerne.weights.pull import pull
from galerne.weights.store import Store


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="how many at least")
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--runs", type=int, default=os.cpu_count(), help="side by side")
    parser.add_argument("--minutes", type=int, default=9, help="that a run may take at most")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    models = Settings().models_dir
    pull(load_catalogue()["smollm2-135m-instruct"], Store(models), lambda *_: None)
    bounds = ("--max-examples", "100", "--max-time", str(60 * options.minutes))
    with tempfile.TemporaryDirectory() as folder, server(models, Path(folder) / "data") as url:
        for first in count(options.seed, options.runs):
            seeds = range(first, first + options.runs)
            with ThreadPoolExecutor(options.runs) as pool:
                runs = list(pool.map(lambda seed: attack(url, Path(folder), seed, *bounds), seeds))
            statuses = answers(url)
            failed = {route: n for route, n in statuses.items() if route[1] >= 500}
            print(f"seeds {seeds[0]} to {seeds[-1]}: {statuses.total()} requests so far", flush=True)
            if failed or any(run.returncode for run in runs):
                print(*(run.stdout + run.stderr for run in runs if run.returncode), sep="\n")
                print(f"answers of 5xx: {failed or 'none'}")
                return 1
            if statuses.total() >= options.requests:
                break
    for (route, status), number in sorted(statuses.items()):
        print(f"{number:7} {status} {route}")
    print(
        f"{statuses.total()} requests: no answer of 5xx, none that took more than 5 seconds, none against the documents"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
