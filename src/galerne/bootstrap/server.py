"""The two ways to answer: in the terminal, and over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from galerne.bootstrap.engines import WORKER, build_generator
from galerne.bootstrap.identity import open_callers
from galerne.bootstrap.keeping import build_anchoring, open_kept
from galerne.bootstrap.models import load_local_model, open_local_model
from galerne.bootstrap.served import pooled_embedder, served_encoder, served_model

if TYPE_CHECKING:
    from fastapi import FastAPI

    from galerne.bootstrap.models import Announce
    from galerne.flows.chat import Chat
    from galerne.settings import Settings


@asynccontextmanager
async def open_chat(name: str, settings: Settings, announce: Announce = lambda _: None) -> AsyncIterator[Chat]:
    """The chat flow over one model in this process, under the name that it was asked for.

    Raises what `load_local_model` raises, and `TemplateError`.
    """
    from galerne.flows.chat import Chat
    from galerne.flows.meter import Tally
    from galerne.flows.served import ServedModels

    loaded = load_local_model(name, settings, announce)
    loaded.template.check()
    generator = build_generator(loaded, settings)
    try:
        yield Chat(ServedModels([served_model(loaded, generator, settings)], {name: loaded.name}), Tally(), settings)
    finally:
        await generator.close()
        loaded.template.close()


def build_app(settings: Settings, worker: tuple[str, ...] = WORKER) -> FastAPI:
    """The HTTP application of `galerne serve`. Its lifespan starts and stops the engine's process.

    Raises `ModelNotFound`, `BadFile`, `UnsupportedFile`, `TemplateError`, and `SettingsError` for a database that does
    not answer, at once, before the server listens.
    """
    from galerne import __version__
    from galerne.api.application import create_app
    from galerne.api.inside import Inside
    from galerne.backends.messages import Load
    from galerne.backends.supervised import SupervisedGenerator
    from galerne.flows.anchoring import keep_anchored
    from galerne.flows.auditing import on_record
    from galerne.flows.served import ServedModels
    from galerne.flows.tidying import keep_tidy

    opened = open_local_model(settings.model, settings)
    opened.template.check()
    generator = SupervisedGenerator(
        worker,
        Load(str(opened.path), settings.model_dump(mode="json")),
        context_length=opened.config.context_length,
        hang_seconds=settings.engine_hang_seconds,
        start_seconds=settings.engine_start_seconds,
    )

    encoder = served_encoder(settings)
    model = served_model(opened, generator, settings)
    models = ServedModels([model], settings.aliases, [encoder, pooled_embedder(model, opened.config)])
    database, kept = open_kept(models, settings)
    callers = open_callers(database, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        generator.start()
        try:
            chats = [kept.chats.tidy, kept.retentions.tidy]
            tidied = [kept.files.tidy, kept.batches.tidy, *chats, kept.audit.tidy, kept.settle_left]
            tidied += [kept.requests.tidy] if kept.requests is not None else []
            tidy = keep_tidy(*tidied)
            anchoring = build_anchoring(kept.audit, settings)
            anchored = [keep_anchored(anchoring, settings.audit_anchor_minutes)] if anchoring.is_set_up else []
            work = (tidy, kept.batches.work(Inside(app)), *anchored)
            async with on_record(kept.audit.log, models, __version__), running(*work):
                yield
        finally:
            await generator.close()
            await encoder.embedder.close()
            await kept.billing.end()
            opened.template.close()
            database.close()

    app = create_app(models, callers, settings, lifespan, kept)
    return app


@asynccontextmanager
async def running(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Work that goes on beside the requests, and is cancelled with the server."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
