"""uvicorn, with last words: whoever waits for an answer when the server stops is told so."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from fastapi import FastAPI

from galerne.api.connection import ConnectionConfig

LAST_WORDS_SECONDS = 2
"""How long answers that were ended may take to say so, before their connections are broken off."""


class Server(uvicorn.Server):
    """Gives answers that are under way `grace_seconds` when it stops; then they end with a failure that says why."""

    def __init__(self, app: FastAPI, files: int, *, headers_seconds: float, grace_seconds: int) -> None:
        """`files`: that this process may have open."""
        last = grace_seconds + LAST_WORDS_SECONDS
        super().__init__(ConnectionConfig(app, files, headers_seconds, grace_seconds=last))
        self._models = app.state.models
        self._grace_seconds = grace_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = asyncio.create_task(self._end_answers())
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    async def _end_answers(self) -> None:
        await asyncio.sleep(self._grace_seconds)
        for model in self._models:
            await model.generator.close()
