"""`make fuzz`: run after run, each with another seed, until there were so many requests."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
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
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    models = Settings().models_dir
    pull(load_catalogue()["smollm2-135m-instruct"], Store(models), lambda *_: None)
    with tempfile.TemporaryDirectory() as folder, server(models, Path(folder) / "data") as url:
        for seed in count(options.seed):
            run = attack(url, Path(folder), seed, "--workers", "2", "--max-examples", "100")
            statuses = answers(url)
            failed = {route: n for route, n in statuses.items() if route[1] >= 500}
            print(f"seed {seed}: {statuses.total()} requests so far", flush=True)
            if run.returncode or failed:
                print(run.stdout, run.stderr, f"answers of 5xx: {failed or 'none'}", sep="\n")
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
