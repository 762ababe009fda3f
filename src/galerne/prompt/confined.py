"""The side of the program, of one that handles what strangers wrote (the other side is a `ChildProcess`).

It has little memory, can open no file or connection, and is killed when it takes too long. What it needs it imports
before that, and little of Galerne, so that it is ready in a tenth of a second.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

MEMORY_BYTES = 512 << 20
QUESTION_BYTES = 256 << 20
MAX_MESSAGE = 1_000  # characters of why something failed


def serve(reply: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer questions until the other end closes. What `reply` raises is told as "failed"."""
    connection = Connection(int(sys.argv[1]))
    _confine(connection)
    while True:
        try:
            question = connection.recv_bytes(QUESTION_BYTES)
        except EOFError:
            return
        try:
            answer = reply(json.loads(question))
        except MemoryError:
            answer = {"failed": "it needs more memory than it may use."}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"[:MAX_MESSAGE]}
        connection.send_bytes(json.dumps(answer).encode())


def _confine(connection: Connection) -> None:
    time.localtime()  # reads the time zone's file
    resource.setrlimit(resource.RLIMIT_NOFILE, (connection.fileno() + 1,) * 2)
    nothing = (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC)
    for limit, most in ((resource.RLIMIT_AS, MEMORY_BYTES), *((limit, 0) for limit in nothing)):
        try:
            resource.setrlimit(limit, (most, most))
        except (OSError, ValueError):  # not every system can bound a process's memory
            continue
