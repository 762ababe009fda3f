"""A small HTTP server on the loopback: files, ranges, and connections that break where a test wants them to."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONG = 1 << 20  # bytes


class FileServer(ThreadingHTTPServer):
    """Serves `files` (path -> content, with headers of their own) and notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.asked: list[tuple[str, str | None]] = []  # path, range
        self.cuts: list[int] = []  # the next answers that are longer break off after so many bytes
        self.ranges = True
        self.refused: dict[str, int] = {}  # path -> status
        self.tokens: list[str | None] = []
        self.gate = threading.Event()  # while it is clear, only one half of what is long comes
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is nothing to print."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FileServer

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = self.path.partition("?")[0]
        if body:
            self.server.asked.append((path, self.headers["Range"]))
            self.server.tokens.append(self.headers["Authorization"])
        content = self.server.files.get(path)
        status = 404 if content is None else self.server.refused.get(path, 200)
        content = content if content and status == 200 else b""
        size, headers = len(content), dict(self.server.headers.get(path, {}))
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if wanted and self.server.ranges and status == 200:
            start = int(wanted[1])
            status = 206 if start < size else 416
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}" if start < size else f"bytes */{size}"
            content = content[start:] if start < size else b""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if not body:
            return
        cuts = self.server.cuts
        cut = cuts.pop(0) if cuts and cuts[0] < len(content) else len(content)
        half = cut // 2 if cut > LONG else cut
        self.wfile.write(content[:half])
        if half < cut:
            self.server.gate.wait()
            self.wfile.write(content[half:cut])
        self.close_connection = self.close_connection or cut < len(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests print what they find themselves."""


@contextmanager
def serving() -> Iterator[FileServer]:
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
