"""A station between a page and its server, which notes when each piece of an answer was sent on to the page."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2

PASSED_ON = ("content-type", "cookie", "x-csrf-token")
TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A piece of an answer, as it left."""

    time: float  # seconds since 1970
    text: str


@dataclass
class Relay:
    """Passes answers on as they come, or says `script` in their place, a piece every `pause` seconds."""

    server: str
    script: Sequence[str] | None = None
    pause: float = 0.0
    sent: list[Sent] = field(default_factory=list)  # of the last answer
    url: str = ""

    def events(self, path: str, body: bytes, headers: dict[str, str]) -> Iterator[bytes]:
        self.sent.clear()
        with httpx2.stream("POST", self.server + path, content=body, headers=headers, timeout=TIMEOUT) as response:
            response.raise_for_status()
            said = (json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: "))
            for event in said if self.script is None else self._instead(list(said), self.script):
                if event["type"] == "answer.text":
                    self.sent.append(Sent(time.time(), event["text"]))
                yield f"id: {event['number']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()

    def _instead(self, said: Sequence[dict[str, Any]], script: Sequence[str]) -> Iterator[dict[str, Any]]:
        first, last = said[0], said[-1]
        yield first
        begun = time.monotonic()
        for at, text in enumerate(script, 1):
            time.sleep(max(0.0, begun + at * self.pause - time.monotonic()))
            yield {"type": "answer.text", "number": at, "text": text}
        yield last | {"number": len(script) + 1, "answer": last["answer"] | {"content": "".join(script)}}


@contextmanager
def relaying(server: str) -> Iterator[Relay]:
    relay = Relay(server)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for event in relay.events(self.path, body, headers):
                self.wfile.write(event)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        relay.url = f"http://127.0.0.1:{listener.server_port}"
        Thread(target=listener.serve_forever, daemon=True).start()
        yield relay
        listener.shutdown()
