"""A server as `galerne serve` runs it, in a thread of the test's process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import uvicorn
from starlette.types import ASGIApp

from galerne.cli.serve import listen


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve the application, and give its address."""
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    with running(uvicorn.Server(config)) as url:
        yield url


@contextmanager
def running(server: uvicorn.Server) -> Iterator[str]:
    """Let the server run, and give its address."""
    listener = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def until_ready(url: str, seconds: float = 120) -> None:
    """Wait until every model has really produced a token."""
    end = time.monotonic() + seconds
    with httpx2.Client(base_url=url, timeout=seconds) as client:
        while client.get("/readyz").status_code != 200:
            assert time.monotonic() < end, f"not ready within {seconds} seconds"
            time.sleep(0.05)
