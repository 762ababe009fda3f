"""`galerne serve` as a user starts it: a process, a port, signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

GALERNE = Path(sys.executable).with_name("galerne")
MODEL = "smollm2-135m-instruct"
PATIENCE = 180.0
"""Seconds that a busy machine may need for what takes one or two."""
HTTP = httpx2.Client(timeout=PATIENCE, limits=httpx2.Limits(max_keepalive_connections=0))
"""One for all requests: to make one takes longer than most answers do. A connection is for one request."""


@dataclass
class Served:
    """A running server."""

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    def until_ready(self) -> None:
        """Wait until the model really produces tokens."""
        end = time.monotonic() + PATIENCE
        while not self._is_ready():
            assert self.process.poll() is None, "the server ended"
            assert time.monotonic() < end, "the model does not get ready"
            time.sleep(0.05)

    def until_running(self, requests: int) -> None:
        """Wait until the engine works on so many at once."""
        end = time.monotonic() + PATIENCE
        while f'galerne_engine_running{{model="{MODEL}"}} {requests}.0' not in HTTP.get(f"{self.url}/metrics").text:
            assert time.monotonic() < end, "the requests do not arrive"
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        try:
            return HTTP.get(f"{self.url}/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    def engine(self) -> int:
        """The process id of the engine."""
        return next(process for process in children(self.process.pid) if b"run_worker" in command_line(process))

    def stop(self, how: signal.Signals) -> tuple[int, str]:
        """The exit code, and what was written to stderr."""
        self.process.send_signal(how)
        _, written = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, written


def galerne(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [GALERNE, *arguments],
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def serve(environment: dict[str, str], *arguments: str) -> Iterator[Served]:
    port = free_port()
    with galerne("serve", "--port", str(port), *arguments, environment=environment) as process:
        try:
            yield Served(process, f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def command_line(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


class Stream:
    """One streamed answer, chunk by chunk."""

    def __init__(self, url: str, **fields: Any) -> None:
        self._context = HTTP.stream("POST", f"{url}/v1/chat/completions", json=endless(stream=True) | fields)
        self._lines = self._context.__enter__().iter_lines()

    def chunk(self) -> dict[str, Any]:
        return json.loads(next(line for line in self._lines if line).removeprefix("data: "))  # type: ignore[no-any-return]

    def last(self) -> dict[str, Any]:
        """The chunk before `[DONE]`."""
        *_, last, done = [line for line in self._lines if line]
        self._context.__exit__(None, None, None)
        assert done == "data: [DONE]"
        return json.loads(last.removeprefix("data: "))  # type: ignore[no-any-return]


def endless(**fields: Any) -> dict[str, Any]:
    """A request whose answer does not end by itself for long."""
    messages = [{"role": "user", "content": "Tell me a long story."}]
    return {"model": "mistral-small-latest", "messages": messages, "min_tokens": 5000, "seed": 1} | fields
