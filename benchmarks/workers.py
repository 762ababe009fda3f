"""The engine's process as a server runs it, and the memory that processes hold."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from galerne import bootstrap
from galerne.backends.messages import Load
from galerne.backends.supervised import SupervisedGenerator
from galerne.settings import Settings

PAUSE = 0.005


@asynccontextmanager
async def supervised(model: Path, settings: Settings) -> AsyncIterator[SupervisedGenerator]:
    """A worker with the model, that has produced its first token."""
    load = Load(str(model), settings.model_dump(mode="json"))
    generator = SupervisedGenerator(
        bootstrap.WORKER,
        load,
        context_length=1,  # until the worker says
        hang_seconds=settings.engine_hang_seconds,
        start_seconds=settings.engine_start_seconds,
    )
    generator.start()
    try:
        while not await generator.ready():
            await asyncio.sleep(PAUSE)
        yield generator
    finally:
        await generator.close()


def worker_process() -> int:
    """The number of this process's worker."""
    for process in (int(path.name) for path in Path("/proc").glob("[0-9]*")):
        try:
            parent = (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[1]
            command = (Path("/proc") / str(process) / "cmdline").read_text()
        except OSError:
            continue  # it has just ended
        if parent == str(os.getpid()) and bootstrap.WORKER[-1] in command:
            return process
    raise RuntimeError("there is no worker")


def resident(process: int) -> int:
    """Bytes of memory that a process holds now."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
