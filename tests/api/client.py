"""An HTTP client without a socket: it talks ASGI as uvicorn does, sends as slowly as it likes, leaves when it wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope

PATIENCE = 60.0
"""Seconds after which a server that says nothing is taken for hanging."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """What a stream of server-sent events says, up to `[DONE]`."""
        assert self.headers["content-type"].startswith("text/event-stream")
        *chunks, done, rest = self.body.decode().split("\n\n")
        assert (done, rest) == ("data: [DONE]", "")
        return [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]


class Exchange:
    """One request under way."""

    def __init__(self, app: ASGIApp, scope: Scope, body: Sequence[bytes], *, ends: bool, patience: float) -> None:
        """`body` comes in these pieces, and ends after them or never does."""
        self._scope = scope
        self._patience = patience
        self._requests = [_request(piece, last=False) for piece in body] + ([_request(b"")] if ends else [])
        self._gone = asyncio.Event()  # the client left, or everything is said
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._start: Message | None = None
        self._task = asyncio.create_task(app(scope, self._receive, self._send))

    async def start(self) -> tuple[int, Mapping[str, str]]:
        """The status and the headers, once they are there."""
        if self._start is None:
            self._start = await self._next()
        headers = {name.decode().lower(): value.decode() for name, value in self._start["headers"]}
        return self._start["status"], headers

    async def piece(self) -> bytes:
        """The next piece of the answer's body; empty at the end."""
        await self.start()
        return bytes((await self._next()).get("body", b""))

    async def answer(self) -> Answer:
        """All of it."""
        status, headers = await self.start()
        body = bytearray()
        while True:
            message = await self._next()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        await self.over()
        return Answer(status, headers, b"" if self._scope["method"] == "HEAD" else bytes(body))

    async def leave(self) -> None:
        """Close the connection, and wait until the application has noticed."""
        self._gone.set()
        await self.over()

    async def over(self) -> None:
        async with asyncio.timeout(self._patience):
            await asyncio.gather(self._task, return_exceptions=True)

    async def _next(self) -> Message:
        async with asyncio.timeout(self._patience):
            next_message = asyncio.create_task(self._said.get())
            await asyncio.wait((next_message, self._task), return_when=asyncio.FIRST_COMPLETED)
            if self._said.empty() and not next_message.done():
                next_message.cancel()
                self._task.result()  # raises what broke the answer off
                raise ConnectionError("the application ended without an answer")
            return await next_message

    async def _receive(self) -> Message:
        if self._requests and not self._gone.is_set():
            return self._requests.pop(0)
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if not self._gone.is_set():  # a server drops what nobody reads
            self._said.put_nowait(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._gone.set()


class Client:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.patience = PATIENCE

    def open(
        self,
        method: str,
        path: str,
        body: Sequence[bytes] = (),
        headers: Mapping[str, str] | None = None,
        *,
        ends: bool = True,
    ) -> Exchange:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},  # as uvicorn says
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        return Exchange(self._app, scope, body, ends=ends, patience=self.patience)

    def send(self, path: str, document: Any, headers: Mapping[str, str] | None = None) -> Exchange:
        """Post JSON, and go on with the answer piece by piece."""
        told = {"content-type": "application/json"} | dict(headers or {})
        return self.open("POST", path, [json.dumps(document).encode()], told)

    async def get(self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET") -> Answer:
        return await self.open(method, path, (), headers).answer()

    async def post(
        self, path: str, document: Any, headers: Mapping[str, str] | None = None, *, method: str = "POST"
    ) -> Answer:
        """Send JSON, or bytes as they are."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return await self.open(
            method, path, [body], {"content-type": "application/json"} | dict(headers or {})
        ).answer()


def events_of(answer: Answer) -> list[dict[str, Any]]:
    """The data of each named event of a stream; its name is the data's type."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, rest = answer.body.decode().split("\n\n")
    assert rest == ""
    data = []
    for event in events:
        name, line = event.split("\n")
        data.append(json.loads(line.removeprefix("data: ")))
        assert name == f"event: {data[-1]['type']}"
    return data


def _request(body: bytes, *, last: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": not last}
