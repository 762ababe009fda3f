"""Requests that the server sends to itself: a batch's go through the same routes as those of a client, with no socket
between."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope

from galerne.api.request_id import HEADER
from galerne.flows.batch_jobs import Reply
from galerne.identity.caller import Caller

CALLER = "caller"
"""Where a request's scope says who asks. From outside nothing comes with it: `Identify` finds that out."""


def is_inside(scope: Scope) -> bool:
    """Whether the server sent this request itself. To be asked before `Identify` has seen it."""
    return CALLER in scope.get("state", {})


class Inside:
    """Fills the port `Endpoints`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def answer(self, path: str, body: bytes, caller: Caller) -> Reply:
        requests = [{"type": "http.request", "body": body, "more_body": False}]
        start: Message = {}
        answer = bytearray()

        async def receive() -> Message:
            if requests:
                return requests.pop()
            await asyncio.Event().wait()  # whoever asks does not leave
            raise AssertionError("nothing happens")

        async def send(message: Message) -> None:
            start.update(message if message["type"] == "http.response.start" else {})
            answer.extend(message.get("body", b""))

        await self._app(_scope(path, caller), receive, send)
        headers = Headers(raw=start["headers"])
        after = headers.get("retry-after")
        return Reply(start["status"], headers[HEADER], bytes(answer), None if after is None else float(after))


def _scope(path: str, caller: Caller) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json")],
        "client": None,
        "server": None,
        "state": {CALLER: caller},
    }
