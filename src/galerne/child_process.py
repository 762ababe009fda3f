"""A program in a process of its own, asked over a connection: it is started when needed, and killed when it hangs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path


class ChildProcess:
    """Answers one request at a time, each an opaque message. Not safe to use from several threads at once.

    However an exchange fails, the process is ended: an answer on its way must not meet the next request.
    """

    def __init__(self, program: Path, *, most_bytes: int, variables: Mapping[str, str] | None = None) -> None:
        """`program` is a Python file; its argument is the number of its end of the connection. It gets these
        environment `variables` besides our own, and answers with at most `most_bytes`."""
        self._command = [sys.executable, "-P", str(program)]
        self._environment = {**os.environ, **(variables or {})}
        self._most_bytes = most_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._stop: weakref.finalize[..., ChildProcess] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and still lives."""
        return self._connection is not None and self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, in place of the one there was."""
        self.end()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*self._command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._connection = Connection(ours.detach())
        self._stop = weakref.finalize(self, _end, self._process, self._connection)

    def ask(self, request: bytes, seconds: float) -> bytes:
        """The answer. Raises `TimeoutError` when it takes longer; `EOFError` when the process died of the request."""
        assert self._connection is not None
        try:
            self._connection.send_bytes(request)
            if not self._connection.poll(seconds):
                raise TimeoutError
            return self._connection.recv_bytes(self._most_bytes)
        except TimeoutError:
            self.end()
            raise
        except (EOFError, OSError):
            self.end()
            raise EOFError from None
        except BaseException:  # interrupted
            self.end()
            raise

    def kill(self) -> None:
        """From any thread: whoever waits for an answer gets `EOFError`."""
        if self._process is not None:
            self._process.kill()

    def end(self) -> None:
        if self._stop is not None:
            self._stop()
        self._connection = self._stop = None


def _end(process: subprocess.Popen[bytes], connection: Connection) -> None:
    connection.close()
    process.kill()
    process.wait()
