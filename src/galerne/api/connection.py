"""A client's connection: how many there may be at once, and how long one may stay silent.

Each is an open file of this process, of which it may have so many; without any left it could not even refuse the next
one. Half of them are connections at most, so that whoever is answered finds databases, files and engines open.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from galerne.api.errors import refused, respond
from galerne.api.request_id import HEADER, begin_request
from galerne.errors import GalerneError, TooSlow, Unavailable

ACCEPTED_AT_ONCE = 2048
"""Connections that the system may keep for us, and hand over together."""


class ConnectionConfig(uvicorn.Config):
    """uvicorn's, for connections that keep to limits. `files`: that the process may have open."""

    def __init__(self, app: FastAPI, files: int, headers_seconds: float, *, grace_seconds: int) -> None:
        super().__init__(
            app,
            http=Connection,
            backlog=min(ACCEPTED_AT_ONCE, files // 8),  # accepted three times before the first is counted, and closed
            log_config=None,
            access_log=False,  # the API writes a line of its own for each request, with its id
            server_header=False,
            timeout_graceful_shutdown=grace_seconds,
        )
        self.most_connections, self.headers_seconds = files // 2, headers_seconds


class Connection(H11Protocol):
    """uvicorn's, which refuses what is too much and ends what is too slow."""

    config: ConnectionConfig
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.config.most_connections:
            self._refuse(Unavailable("there are too many connections.", hint="Try again in a moment."))
        else:
            self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._expect_headers()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - says it in another voice
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._refuse(None)
        else:  # in the middle of an answer
            self.transport.close()

    def _expect_headers(self) -> None:
        self._expect_nothing()
        self._patience = self.loop.call_later(self.config.headers_seconds, self._lose_patience)

    def _expect_nothing(self) -> None:
        if self._patience is not None:
            self._patience.cancel()

    def _lose_patience(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            return
        begun, _ = self.conn.trailing_data
        if not begun:  # a browser's, to be quick when it will want something
            self.transport.close()
        else:
            limit = self.config.headers_seconds
            self._refuse(TooSlow(f"the request's headers did not arrive within {limit:g} seconds."))

    def _refuse(self, error: GalerneError | None) -> None:
        """Say why, and end it; None: what came is no request."""
        id = begin_request(None)
        response = respond(error) if error else refused(HTTPStatus.BAD_REQUEST, "this is not a request in HTTP/1.1.")
        response.headers[HEADER], response.headers["connection"] = id, "close"
        status = response.status_code
        line = b"HTTP/1.1 %d %s" % (status, STATUS_PHRASES[status])
        headers = [b"%s: %s" % header for header in response.raw_headers]
        self.transport.write(b"\r\n".join([line, *headers, b"", bytes(response.body)]))
        self.transport.close()
