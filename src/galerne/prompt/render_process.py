"""The process that renders a template, seen from outside: started when needed, killed when it takes too long."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import weakref
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from galerne.errors import InvalidRequest, TemplateError

_PROGRAM = Path(__file__).with_name("renderer.py")
_START_SECONDS = 20.0  # a busy machine starts a process slowly; a template is compiled within the template's own time
_ESCAPED = 12  # bytes of JSON that one character can need


class RenderProcess:
    """Renders one template, one conversation at a time. Safe to use from several threads."""

    def __init__(self, template: str, *, seconds: float, output_chars: int, where: str) -> None:
        self._template = template
        self._seconds = seconds
        self._output_chars = output_chars
        self._where = where
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._stop: weakref.finalize[..., RenderProcess] | None = None

    def check(self) -> None:
        """Start the process and compile the template, if that is not done yet. Raises `TemplateError`."""
        with self._lock:
            self._start()

    def render(self, variables: dict[str, Any], now: datetime) -> str:
        """Raises `TemplateError`; `InvalidRequest` when the template itself refuses the conversation."""
        request = json.dumps({"variables": variables, "now": now.isoformat()}).encode()
        with self._lock:
            self._start()
            answer = self._ask(request, self._seconds)
        if "refused" in answer:
            raise InvalidRequest(f"the model's chat template refuses this: {answer['refused']}", where="messages")
        return str(answer["text"])

    def close(self) -> None:
        """End the process; the next `render` would start another."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        if self._connection is not None:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", str(_PROGRAM), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._connection = Connection(ours.detach())
        self._stop = weakref.finalize(self, _end, process, self._connection)
        first = {"template": self._template, "output_chars": self._output_chars}
        try:
            self._ask(json.dumps(first).encode(), _START_SECONDS)
        except TemplateError:
            self._end()
            raise

    def _ask(self, request: bytes, seconds: float) -> dict[str, Any]:
        assert self._connection is not None
        try:
            self._connection.send_bytes(request)
            if not self._connection.poll(seconds):
                raise TemplateError(f"the chat template took more than {seconds:g} seconds.", where=self._where)
            answer: dict[str, Any] = json.loads(self._connection.recv_bytes(_ESCAPED * self._output_chars + 65_536))
        except (EOFError, OSError):
            self._end()
            raise TemplateError("the chat template used more memory than it may.", where=self._where) from None
        except BaseException:  # too late, or interrupted: an answer on its way must not meet the next request
            self._end()
            raise
        if "failed" in answer:
            raise TemplateError(f"the chat template failed: {answer['failed']}", where=self._where)
        return answer

    def _end(self) -> None:
        if self._stop is not None:
            self._stop()
        self._connection = self._stop = None


def _end(process: subprocess.Popen[bytes], connection: Connection) -> None:
    connection.close()
    process.kill()
    process.wait()
