"""What is the same for every request: an id, a line in the log, a count."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from galerne.api.errors import CLIENT_LEFT, respond
from galerne.api.inside import is_inside
from galerne.api.metrics import Metrics
from galerne.api.request_id import HEADER, begin_request
from galerne.errors import Unavailable

logger = logging.getLogger("galerne.api.access")

_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: their lines are for debugging."""


class RequestLog:
    """The outermost layer. Plain ASGI: nothing may stand between a client that leaves and the stream it leaves."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id = begin_request(Headers(scope=scope).get(HEADER))
        began, status, inside = time.perf_counter(), 0, is_inside(scope)
        # HEAD is GET without the body of the answer, which the server that speaks HTTP leaves out.
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = id
            await send(message)

        try:
            await self._app(asked, receive, send_with_id)
        except asyncio.CancelledError:  # uvicorn stops, and this request did not end in time
            if not status:
                stopping = Unavailable("the server is being stopped.", hint="Try again later.")
                await respond(stopping)(scope, receive, send_with_id)
        except Exception as error:
            if status:  # an answer has begun: only breaking it off says that it is not whole
                raise
            await respond(error)(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(asked.get("route"), "path", "unknown")
            if not inside:
                self._metrics.count_request(route, scope["method"], status or CLIENT_LEFT, seconds)
            fields = {"request_id": id, "status": status or CLIENT_LEFT, "ms": round(seconds * 1000, 1)}
            level = logging.DEBUG if inside or route in _PROBES else logging.INFO
            logger.log(level, "%s %s", scope["method"], scope["path"], extra=fields)
