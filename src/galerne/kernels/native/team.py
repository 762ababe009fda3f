"""A team of threads that goes through a program in step, and sleeps in between."""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path

from galerne.kernels.native.library import Library


class Team:
    """`threads` threads, the calling one among them. Not reentrant: one run at a time."""

    def __init__(self, library: Library, threads: int) -> None:
        self.threads = threads
        self._library = library
        self._context = 0
        self._gates = [threading.Lock() for _ in range(threads - 1)]
        for gate in self._gates:
            gate.acquire()
        for number, gate in enumerate(self._gates, start=1):
            threading.Thread(target=self._work, args=(number, gate), name=f"kernels-{number}", daemon=True).start()

    def run(self, context: int) -> None:
        """Execute the program of the context at this address. The program ends with a barrier."""
        self._context = context
        for gate in self._gates:
            gate.release()
        self._library.run(context, 0)

    def close(self) -> None:
        self._context = 0
        for gate in self._gates:
            gate.release()

    def _work(self, number: int, gate: threading.Lock) -> None:
        while True:
            gate.acquire()
            if not self._context:
                return
            self._library.run(self._context, number)


def usable_threads(wanted: int) -> int:
    """How many threads to use: what is asked for, at most (0: just) what this process may use.

    More threads than CPUs would wait for one another at every barrier.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    usable = max(1, min(cpus, _quota()))
    return min(wanted, usable) if wanted else usable


def _quota(root: Path = Path("/sys/fs/cgroup")) -> int:
    """CPUs that the control group's quota allows, rounded up; a large number without one."""
    unlimited = 1 << 16
    try:
        quota, period = (root / "cpu.max").read_text().split()
        return unlimited if quota == "max" else max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        return unlimited
