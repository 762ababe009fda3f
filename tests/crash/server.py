"""A server with all that it keeps, over a model that answers at once: to be killed, and started again."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from tests.flows.fakes import ScriptedGenerator, served

from galerne.api.application import create_app
from galerne.api.inside import Inside
from galerne.bootstrap import open_kept, running
from galerne.engine.request import GenerationRequest
from galerne.flows.tidying import keep_tidy
from galerne.identity.caller import Everyone
from galerne.settings import Settings

ANSWERED = "answered"
"""The file that holds a line for each answer that the model gave, in this life or an earlier one."""


def fork(folder: Path, listener: socket.socket) -> int:
    """Start a server as a process of its own, in which nothing has to be imported any more. Returns its id."""
    child = os.fork()
    if child:
        return child
    try:
        config = uvicorn.Config(_app(folder), log_config=None, access_log=False)
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        os._exit(1)


def _app(folder: Path) -> FastAPI:
    answered = os.open(folder / ANSWERED, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def answer(request: GenerationRequest) -> bytes:
        os.write(answered, bytes(request.prompt) + b"\n")
        return bytes(request.prompt)[::-1]

    settings = Settings(data_dir=folder / "data", disk_reserve_mb=0)
    models = served(ScriptedGenerator(answer))
    _, kept = open_kept(models, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running(keep_tidy(kept.files.tidy, kept.batches.tidy), kept.batches.work(Inside(app))):
            yield

    app = create_app(models, Everyone(), settings, lifespan, kept)
    return app
