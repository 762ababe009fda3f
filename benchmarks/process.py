"""An engine's process, seen from the bench: started once, stopped while others are measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from select import POLLIN, poll
from typing import Any

from benchmarks.engines.worker import Run
from benchmarks.peers import Candidate, weights_folder

LOAD_SECONDS = 900
RUN_SECONDS = 600


class EngineError(Exception):
    """The engine did not do what it was asked; says how it ended."""


class EngineProcess:
    """Loads its engine at once, and then sleeps but for `measure`: an idle engine must not disturb the others."""

    def __init__(self, candidate: Candidate, model: Path, threads: int) -> None:
        self.candidate = candidate
        own = {"OMP_NUM_THREADS": str(threads), "CONVERTED_WEIGHTS": str(weights_folder())}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this object
        self._process = subprocess.Popen(
            [candidate.python, "-m", candidate.module, str(model), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=Path(__file__).parent.parent,
            env={**os.environ, **own, **candidate.environment},
            start_new_session=True,
        )
        try:
            self.version = str(self._answer(LOAD_SECONDS)["version"])
            self._signal(signal.SIGSTOP)
        except BaseException:
            self.close()
            raise

    def measure(self, what: str, *numbers: int) -> Run:
        """Let the engine run once. Raises `EngineError`."""
        self._signal(signal.SIGCONT)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(" ".join((what, *map(str, numbers))).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None
        answer = self._answer(RUN_SECONDS)
        self._signal(signal.SIGSTOP)
        return Run(**answer)

    def close(self) -> None:
        self._signal(signal.SIGKILL)
        self._process.communicate()
        self._log.close()

    def _answer(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        said = poll()
        said.register(self._process.stdout, POLLIN)
        if not said.poll(seconds * 1000):
            raise EngineError(f"no answer for {seconds} s")
        line = self._process.stdout.readline()
        if not line:
            raise self._failure()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _failure(self) -> EngineError:
        code = self._process.wait(RUN_SECONDS)
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return EngineError(f"{how}: {lines[-1][:200]}" if lines and code > 0 else how)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)
