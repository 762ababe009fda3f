"""Kills a process, or lets its disk fail, at any call that changes a file, and looks whether the books still hold.

python -m tests.crash.disk --points 500
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.crash.books import LIMITS, PRICES, check
from tests.crash.day import day, open_house

SOURCE = Path(__file__).with_name("faults.c")
HOW = (
    "counted",
    "killed before",
    "killed after",
    "killed half-way",
    "no space once",
    "input/output error",
    "half written",
)
HOW += ("no space from then on",)
"""What can happen at a call, numbered as `faults.c` does."""

COUNTED = 0

TELL = 20  # points after which is said how far it is


class Faults:
    """The library that lets calls fail, in this process: it was started with it (`LD_PRELOAD`)."""

    def __init__(self, library: str) -> None:
        self._library = ctypes.CDLL(library)
        self._library.fault_calls.restype = ctypes.c_long

    def arm(self, folder: Path, call: int, how: int) -> None:
        self._library.fault_arm(str(folder).encode(), ctypes.c_long(call), how)

    @property
    def calls(self) -> int:
        return int(self._library.fault_calls())


def live(folder: Path, faults: Faults, call: int, how: int) -> tuple[list[dict[str, Any]], bool]:
    """Let a process of its own live through a day with this fault. Returns what it told, and whether it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            with open(writer, "w", buffering=1) as told:
                faults.arm(folder, call, how)
                asyncio.run(day(folder, lambda what: print(json.dumps(what), file=told)))
                print(json.dumps({"calls": faults.calls}), file=told)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader) as lines:
        told = [json.loads(line) for line in lines if line.endswith("}\n")]
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    assert killed or status == 0, f"at call {call}, {HOW[how]}: the day broke off"
    return told, killed


def calls_of(template: Path, base: Path, faults: Faults) -> int:
    """How many calls of a day change files, when nothing fails."""
    folder = copied(template, base / "counted")
    told, killed = live(folder, faults, -1, COUNTED)
    assert not killed
    check(folder, told)
    shutil.rmtree(folder)
    return int(told[-1]["calls"])


def points(calls: int, count: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    """As many (call, how) as asked for, spread over all calls and all that can happen."""
    every = [(call, how) for call in range(calls) for how in range(1, len(HOW))]
    while count > 0:
        yield from chance.sample(every, min(count, len(every)))
        count -= len(every)


def crash(base: Path, faults: Faults, count: int, chance: random.Random) -> dict[str, Any]:
    template = base / "template"
    open_house(template, LIMITS, PRICES)
    calls = calls_of(template, base, faults)
    seen: Counter[str] = Counter()
    for number, (call, how) in enumerate(points(calls, count, chance)):
        folder = copied(template, base / str(number))
        told, killed = live(folder, faults, call, how)
        try:
            seen.update(check(folder, told))
        except BaseException:
            print(f"at call {call} of {calls}, {HOW[how]}", file=sys.stderr)
            raise
        seen["killed" if killed else "survived"] += 1
        seen[HOW[how]] += 1
        shutil.rmtree(folder)
        if (number + 1) % TELL == 0:
            print(f"{number + 1} of {count} points held", file=sys.stderr, flush=True)
    return {"points": count, "calls": calls, **dict(sorted(seen.items()))}


def copied(template: Path, folder: Path) -> Path:
    shutil.copytree(template, folder)
    return folder


def with_faults() -> None:
    """Start this program again with the library in it."""
    library = Path(tempfile.mkdtemp()) / "faults.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    os.execve(sys.executable, [sys.executable, "-m", "tests.crash.disk", *sys.argv[1:]], environment)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.disk", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if "LD_PRELOAD" not in os.environ:
        with_faults()
    faults = Faults(os.environ["LD_PRELOAD"])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        figures = crash(Path(name), faults, asked.points, random.Random(asked.seed))
    shutil.rmtree(Path(os.environ["LD_PRELOAD"]).parent)
    json.dump(figures | {"seconds": round(time.monotonic() - began)}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
