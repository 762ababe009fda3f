"""An engine under measurement: a process that is told what to run, a line at a time, and answers in JSON.

prefill TOKENS         read a prompt; nothing of it was seen before
decode STREAMS TOKENS  generate TOKENS tokens in each of STREAMS streams, after a prompt of PROMPT tokens
first PREFIX NEW       while another answer to PREFIX is under way, read the same PREFIX and NEW other tokens
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

PROMPT = 16


@dataclass(frozen=True)
class Run:
    """One measurement."""

    tokens: int
    seconds: float  # wall time
    cpu_seconds: float  # of all threads

    def __sub__(self, other: Run) -> Run:
        """What this run did beyond `other`: an engine that only runs whole answers decodes by difference."""
        return Run(self.tokens - other.tokens, self.seconds - other.seconds, self.cpu_seconds - other.cpu_seconds)


class Engine(Protocol):
    """One engine with its weights loaded."""

    version: str  # of the engine, and what it says of itself

    def prefill(self, tokens: int) -> Run: ...
    def decode(self, streams: int, tokens: int) -> Run: ...


@runtime_checkable
class Sharing(Protocol):
    """One that can be asked how long a prompt takes whose beginning another request is using."""

    def first(self, prefix: int, new: int) -> Run: ...


class Stopwatch:
    """Wall and CPU time since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()

    def run(self, tokens: int) -> Run:
        return Run(tokens, time.perf_counter() - self._wall, _cpu_seconds() - self._cpu)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def serve(open_engine: Callable[[str, int], Engine]) -> None:
    """Load the engine (`MODEL THREADS` on the command line) and do what standard input says, until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # engines print what they like: to the log

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    engine = open_engine(sys.argv[1], int(sys.argv[2]))
    say({"version": engine.version})
    for line in sys.stdin:
        match line.split():
            case ["prefill", tokens]:
                run = engine.prefill(int(tokens))
            case ["decode", streams, tokens]:
                run = engine.decode(int(streams), int(tokens))
            case ["first", prefix, new] if isinstance(engine, Sharing):
                run = engine.first(int(prefix), int(new))
            case _:
                raise ValueError(f"cannot {line!r}")
        say(asdict(run))
