"""The two ways to answer: in the terminal, and over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from galerne.bootstrap.engines import WORKER, build_generator
from galerne.bootstrap.identity import open_callers
from galerne.bootstrap.keeping import build_anchoring, open_kept
from galerne.bootstrap.models import load_local_model
from galerne.bootstrap.served import open_served_model, served_encoder, served_model

if TYPE_CHECKING:
    from fastapi import FastAPI

    from galerne.bootstrap.models import Announce
    from galerne.flows.chat import Chat
    from galerne.flows.loading import OpenedModel
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
        yield Chat(ServedModels([served_model(loaded, generator)], {name: loaded.name}), Tally(), settings)
    finally:
        await generator.close()
        loaded.template.close()


def build_app(settings: Settings, worker: tuple[str, ...] = WORKER) -> FastAPI:
    """The HTTP application of `galerne serve`. Its lifespan starts and stops the engines' processes.

    Raises `ModelNotFound`, `BadFile`, `UnsupportedFile`, `TemplateError`, and `SettingsError` for a database that does
    not answer, at once, before the server listens.
    """
    from galerne import __version__
    from galerne.api.application import create_app
    from galerne.api.inside import Inside
    from galerne.flows.anchoring import keep_anchored
    from galerne.flows.auditing import on_record
    from galerne.flows.loading import Loading
    from galerne.flows.served import ServedModels
    from galerne.flows.tidying import keep_tidy
    from galerne.weights.store import Store

    asked = _open_all(settings, worker)
    opened = list(asked.values())
    named = {each.model.name: name for name, each in asked.items()}  # which may be by their path
    opens = partial(open_served_model, settings=settings, worker=worker)
    settings = settings.model_copy(update={"model": opened[0].model.name})  # as requests call it, were it a path
    encoder = served_encoder(settings)
    embedders = [encoder, *(each.embedder for each in opened)]
    store = Store(settings.models_dir)
    models = ServedModels(
        [each.model for each in opened], settings.aliases, embedders, lambda name: name in named or name in store
    )
    database, kept = open_kept(models, settings)
    loading = Loading(models, lambda name: opens(named.get(name, name)), kept.audit.log, settings)
    callers = open_callers(database, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading.begin(opened)
        try:
            chats = [kept.chats.tidy, kept.retentions.tidy]
            tidied = [kept.files.tidy, kept.batches.tidy, *chats, kept.audit.tidy, kept.tidy_books]
            tidied += [kept.requests.tidy] if kept.requests is not None else []
            tidy = keep_tidy(*tidied)
            anchoring = build_anchoring(kept.audit, settings)
            anchored = [keep_anchored(anchoring, settings.audit_anchor_minutes)] if anchoring.is_set_up else []
            work = (tidy, kept.batches.work(Inside(app)), *anchored)
            async with on_record(kept.audit.log, models, __version__), running(*work):
                yield
        finally:
            await loading.close()
            await encoder.embedder.close()
            await kept.billing.end()
            database.close()

    app = create_app(models, callers, settings, lifespan, kept, loading)
    return app


def _open_all(settings: Settings, worker: tuple[str, ...]) -> dict[str, OpenedModel]:
    """The models that a server has from its start, by what the settings call them, the default one first.

    Raises `SettingsError` for one twice.
    """
    from galerne.errors import SettingsError

    opened: dict[str, OpenedModel] = {}
    for asked in (settings.model, *settings.other_models):
        each = open_served_model(asked, settings, worker)
        if each.model.name in [other.model.name for other in opened.values()]:
            hint = "Name each model once; a file is called as it is in the list when it was imported."
            raise SettingsError(f"{asked} is called {each.model.name}, as another.", where="other_models", hint=hint)
        opened[asked] = each
    return opened


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
