"""The only place that wires the parts together. Nothing imports it but `cli` and the tests.

Imports happen inside the functions: `galerne --help` must not pay for an engine that it does not start.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from galerne.errors import SettingsError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from galerne.api.application import Kept
    from galerne.backends.generator import Generator
    from galerne.backends.messages import Load
    from galerne.engine.engine import Engine
    from galerne.flows.administration import Administration
    from galerne.flows.billing import Billing
    from galerne.flows.chat import Chat
    from galerne.flows.receipts import Receipts
    from galerne.flows.served import ServedEmbedder, ServedModel, ServedModels
    from galerne.identity.caller import Callers
    from galerne.kernels.interface import Kernels
    from galerne.ledger.energy import Grid
    from galerne.ledger.signing import SigningKey
    from galerne.models import Model, ModelConfig
    from galerne.prompt.template import ChatTemplate
    from galerne.prompt.tokenizer import Tokenizer
    from galerne.settings import Settings
    from galerne.store.database import Database
    from galerne.weights.catalogue import Entry
    from galerne.weights.checkpoint import Checkpoint

Announce = Callable[[str], None]
"""Told what takes long while it does, one line at a time."""

WORKER = (sys.executable, "-P", "-c", "from galerne.bootstrap import run_worker; run_worker()")
"""Starts the process of an engine; the number of its socket follows."""


@dataclass(frozen=True, slots=True)
class OpenModel:
    """What is known of a model before its weights are loaded. `open_local_model` sets every field."""

    name: str  # the catalogue's name, or the file's
    path: Path
    entry: Entry | None  # what is known of it; None for a path
    owner: str  # who published it
    digest: str  # SHA-256 of its files
    checkpoint: Checkpoint
    config: ModelConfig
    tokenizer: Tokenizer
    template: ChatTemplate
    draft: Checkpoint | None  # the small model that guesses for it


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model with its weights in memory. `load_local_model` sets every field."""

    name: str
    path: Path
    entry: Entry | None
    owner: str
    digest: str
    config: ModelConfig
    tokenizer: Tokenizer
    template: ChatTemplate
    size: int  # bytes of its tensors, in the file
    model: Model  # forward(batch) -> logits
    draft: Model | None
    level: str  # of the kernels


def open_local_model(name: str, settings: Settings) -> OpenModel:
    """Open a model by catalogue name, alias or path, without its weights.

    Raises `ModelNotFound`, `BadFile`, `UnsupportedFile`, and `SettingsError` for a draft model of other tokens.
    """
    from galerne.models import read_config
    from galerne.prompt import open_template, open_tokenizer
    from galerne.weights import digest, open_checkpoint
    from galerne.weights.resolve import resolve

    local = resolve(name, settings)
    checkpoint = open_checkpoint(local.path)
    tokenizer = open_tokenizer(checkpoint)
    draft = _open_draft(settings)
    if draft is not None:
        _check_draft(draft, local.name, tokenizer)
    return OpenModel(
        name=local.name,
        path=local.path,
        entry=local.entry,
        owner=_owner(checkpoint, local.entry),
        digest=digest(checkpoint),
        checkpoint=checkpoint,
        config=read_config(checkpoint),
        tokenizer=tokenizer,
        template=open_template(checkpoint, tokenizer, settings),
        draft=draft,
    )


def _open_draft(settings: Settings) -> Checkpoint | None:
    from galerne.weights import open_checkpoint
    from galerne.weights.resolve import resolve

    if settings.draft_model is None or not settings.speculation:
        return None
    return open_checkpoint(resolve(settings.draft_model, settings).path)


def _check_draft(draft: Checkpoint, name: str, tokenizer: Tokenizer) -> None:
    """Raise `SettingsError` when its tokens are not those of the model of this name."""
    from galerne.errors import SettingsError
    from galerne.prompt import open_tokenizer, same_tokens

    if not same_tokens(tokenizer, open_tokenizer(draft)):
        hint = "Choose a smaller model of the same family."
        raise SettingsError(f"{draft.path.name} has another vocabulary than {name}.", where="draft_model", hint=hint)


def load_local_model(name: str, settings: Settings, announce: Announce = lambda _: None) -> LoadedModel:
    """Load a model by catalogue name, alias or path. `announce` gets a line when kernels are compiled first.

    Raises `ModelNotFound`, `BadFile`, `UnsupportedFile`, `SettingsError`.
    """
    opened = open_local_model(name, settings)
    model, draft, level = _load_weights(opened.checkpoint, opened.draft, settings, announce)
    return LoadedModel(
        name=opened.name,
        path=opened.path,
        entry=opened.entry,
        owner=opened.owner,
        digest=opened.digest,
        config=opened.config,
        tokenizer=opened.tokenizer,
        template=opened.template,
        size=sum(tensor.data.nbytes for tensor in opened.checkpoint.tensors.values()),
        model=model,
        draft=draft,
        level=level,
    )


def compile_kernels(settings: Settings, announce: Announce) -> None:
    """Have the kernels compiled, if they are not yet, so that what is loaded next only loads."""
    _open_kernels(settings, announce)


def _open_kernels(settings: Settings, announce: Announce) -> Kernels:
    from galerne.kernels import open_kernels

    folder, cache = settings.kernels_dir, settings.kv_cache_type
    return open_kernels(settings.kernels, settings.threads, folder, announce, cache=cache)


def _load_weights(
    checkpoint: Checkpoint, draft: Checkpoint | None, settings: Settings, announce: Announce
) -> tuple[Model, Model | None, str]:
    """The model, its draft, and the level of their kernels. The caches share the memory that the settings allow."""
    from galerne.models import blocks_for, load, read_config

    kernels = _open_kernels(settings, announce)
    checkpoints = [checkpoint] if draft is None else [checkpoint, draft]
    blocks = blocks_for([read_config(each) for each in checkpoints], kernels, settings.kv_cache_mb << 20)
    model, *others = [load(each, kernels, blocks, settings.max_batch_tokens) for each in checkpoints]
    return model, others[0] if others else None, kernels.level


def build_engine(
    model: Model, open_tokenizer: Callable[[], Tokenizer], settings: Settings, draft: Model | None = None
) -> Engine:
    """An engine over a loaded model, for whoever drives it: `submit`, `step`, `cancel` (bench, the worker).

    Its tokenizer is opened for the first answer that follows a grammar: the engine needs it for nothing else.
    """
    from galerne.engine.draft import DraftModel
    from galerne.engine.engine import Engine
    from galerne.engine.limits import EngineLimits
    from galerne.engine.lookup import PromptLookup
    from galerne.engine.speculation import InTurn
    from galerne.prompt.masks import GrammarCompiler

    limits = EngineLimits(
        max_batch_tokens=settings.max_batch_tokens,
        max_running=settings.max_running,
        max_waiting=settings.max_waiting,
        step_seconds=settings.step_milliseconds / 1000,
        speculation=settings.speculation,
    )
    grammars = GrammarCompiler(open_tokenizer, model.vocabulary, settings)
    proposer = PromptLookup() if draft is None else InTurn(PromptLookup(), DraftModel(draft))
    return Engine(model, limits, compile_grammar=grammars, proposer=proposer)


def build_generator(loaded: LoadedModel, settings: Settings) -> Generator:
    """An engine in a thread of this process, behind the port `Generator`. Close it with `await close()`."""
    from galerne.backends.native import NativeGenerator

    engine = build_engine(loaded.model, lambda: loaded.tokenizer, settings, loaded.draft)
    return NativeGenerator(engine, loaded.model.request_length, loaded.level)


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
        yield Chat(ServedModels([_served(loaded, generator)], {name: loaded.name}), Tally(), settings)
    finally:
        await generator.close()
        loaded.template.close()


def build_app(settings: Settings, worker: tuple[str, ...] = WORKER) -> FastAPI:
    """The HTTP application of `galerne serve`. Its lifespan starts and stops the engine's process.

    Raises `ModelNotFound`, `BadFile`, `UnsupportedFile`, `TemplateError`, and `SettingsError` for a database that does
    not answer, at once, before the server listens.
    """
    from galerne.api.application import create_app
    from galerne.api.inside import Inside
    from galerne.backends.messages import Load
    from galerne.backends.supervised import SupervisedGenerator
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

    encoder = _sentence_encoder(settings)
    model = _served(opened, generator)
    models = ServedModels([model], settings.aliases, [encoder, _pooled(model, opened.config)])
    database, kept = open_kept(models, settings)
    callers = open_callers(database, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        generator.start()
        try:
            async with running(keep_tidy(kept.files.tidy, kept.batches.tidy), kept.batches.work(Inside(app))):
                yield
        finally:
            await generator.close()
            await encoder.embedder.close()
            await kept.billing.drained()
            opened.template.close()
            database.close()

    app = create_app(models, callers, settings, lifespan, kept)
    return app


def open_callers(database: Database, settings: Settings) -> Callers:
    """Who may ask. Raises `SettingsError` for a server that anybody on the network could use."""
    from galerne.identity.key_callers import KeyCallers
    from galerne.store.keys import SqlKeys

    local = settings.host == "localhost" or _is_loopback(settings.host)
    if settings.auth == "none" and not local:
        hint = "Listen on 127.0.0.1, or make keys with `galerne admin keys create` and set auth to keys."
        raise SettingsError(f"everybody who reaches {settings.host} could ask.", where="auth", hint=hint)
    return KeyCallers(SqlKeys(database), open_door=local and settings.auth != "keys")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def open_administration(settings: Settings) -> Iterator[Administration]:
    """What an administrator does, on this machine's database. Raises `SettingsError`."""
    from galerne.flows.administration import Administration
    from galerne.store.books import SqlBooks
    from galerne.store.keys import SqlKeys
    from galerne.store.schema import open_database

    database = open_database(settings)
    try:
        yield Administration(SqlKeys(database), SqlBooks(database, receipts_key(settings)))
    finally:
        database.close()


def open_receipts(settings: Settings) -> tuple[Database, Receipts]:
    """The database, for whoever closes it, and the receipts in it. Raises `SettingsError`."""
    from galerne.flows.receipts import Receipts
    from galerne.store.receipts import SqlReceiptLog
    from galerne.store.schema import open_database

    database = open_database(settings)
    return database, Receipts(SqlReceiptLog(database), receipts_key(settings).public)


def receipts_key(settings: Settings) -> SigningKey:
    """What receipts are signed with. Raises `SettingsError`."""
    from galerne.ledger.signing import SigningKey
    from galerne.store.secret import load_secret

    return SigningKey.of(load_secret(settings.data_dir / "receipts.key")[:32])


def open_kept(models: ServedModels, settings: Settings) -> tuple[Database, Kept]:
    """The database, for whoever closes it, and the flows over what is kept in it and beside it.

    Raises `SettingsError`.
    """
    from galerne.api.application import Kept
    from galerne.flows.batches import Batches
    from galerne.flows.files import Files
    from galerne.flows.links import Signer
    from galerne.flows.receipts import Receipts
    from galerne.protocol.conversations import ConversationFields
    from galerne.protocol.responses import KeptResponse
    from galerne.store.agents import SqlAgents
    from galerne.store.batches import SqlJobs
    from galerne.store.contents import ContentFolder
    from galerne.store.files import SqlFiles
    from galerne.store.receipts import SqlReceiptLog
    from galerne.store.schema import open_database
    from galerne.store.secret import load_secret
    from galerne.store.threads import SqlThreads

    contents, inputs = (
        ContentFolder(
            settings.data_dir / folder,
            reserve=settings.disk_reserve_mb << 20,
            upload_seconds=settings.upload_seconds,
        )
        for folder in ("files", "batches")
    )
    signer = Signer(load_secret(settings.data_dir / "signing.key"))
    database = open_database(settings)
    key = receipts_key(settings)
    files = Files(SqlFiles(database), contents, signer, settings)
    return database, Kept(
        files=files,
        batches=Batches(SqlJobs(database), inputs, files, models, settings),
        agents=SqlAgents(database),
        conversations=SqlThreads(database, "conversation", ConversationFields),
        responses=SqlThreads(database, "response", KeptResponse),
        billing=_open_billing(database, key, settings),
        receipts=Receipts(SqlReceiptLog(database), key.public),
    )


def _open_billing(database: Database, key: SigningKey, settings: Settings) -> Billing:
    """The books; first, what processes that died left open in them is settled."""
    from galerne.flows.billing import Billing, recover
    from galerne.ledger.energy import Power
    from galerne.ledger.prices import PriceList
    from galerne.store.books import SqlBooks
    from galerne.store.journal import Journal, left_journals, remove_journal
    from galerne.store.secret import load_secret

    books, folder = SqlBooks(database, key), settings.data_dir / "journals"
    left = left_journals(folder)
    recover(books, left, PriceList(books.prices()), datetime.now(UTC))
    for name in left:
        remove_journal(folder, name)
    return Billing(
        books,
        Journal(folder),
        load_secret(settings.data_dir / "pseudonyms.key"),
        power=Power(settings.core_watts, settings.core_watts_least, settings.core_watts_most),
        grid=_grid(settings),
    )


def _grid(settings: Settings) -> Grid | None:
    from galerne.ledger.energy import Grid

    if settings.grid_grams_per_kwh is None or settings.grid_year is None or settings.grid_source is None:
        return None
    return Grid(settings.grid_grams_per_kwh, settings.grid_year, settings.grid_source)


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


def run_worker() -> None:
    """The main function of an engine's process, as `WORKER` starts it."""
    from galerne.backends.worker import work

    work(socket.socket(fileno=int(sys.argv[1])), _load_engine)


def _load_engine(load: Load) -> tuple[Engine, str, int]:
    from galerne.prompt import open_tokenizer
    from galerne.settings import load_settings
    from galerne.weights import open_checkpoint

    settings = load_settings(load.settings)
    checkpoint = open_checkpoint(Path(load.model))  # its template is the server's affair
    model, draft, level = _load_weights(checkpoint, _open_draft(settings), settings, _print)
    return build_engine(model, lambda: open_tokenizer(checkpoint), settings, draft), level, model.request_length


def _print(line: str) -> None:
    """For the supervisor, who puts it into the log."""
    print(line, flush=True)


def _served(model: OpenModel | LoadedModel, generator: Generator) -> ServedModel:
    from galerne.flows.served import Origin, ServedModel
    from galerne.prompt.fim import find_fim

    # Whether it was trained for it, the vocabulary does not say: it decides only where nobody knows better.
    may_fill = model.entry is None or model.entry.fim is not False
    return ServedModel(
        name=model.name,
        origin=Origin(
            digest=model.digest,
            created=int(model.path.stat().st_mtime),
            owner=model.owner,
            licence=model.entry.licence if model.entry else None,
        ),
        tokenizer=model.tokenizer,
        template=model.template,
        fim=find_fim(model.tokenizer) if may_fill else None,
        generator=generator,
    )


def _pooled(model: ServedModel, config: ModelConfig) -> ServedEmbedder:
    """The vectors of a model that writes, under its own name."""
    from galerne.backends.pooled import PooledEmbedder
    from galerne.flows.served import ServedEmbedder

    embedder = PooledEmbedder(model.generator, model.tokenizer, config.width)
    return ServedEmbedder(model.name, model.origin, embedder)


def _sentence_encoder(settings: Settings) -> ServedEmbedder:
    from galerne.backends import sentence_encoder
    from galerne.flows.served import Origin, ServedEmbedder

    weights = sentence_encoder.encoder_folder() / "weights.npz"
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    origin = Origin(digest, int(weights.stat().st_mtime), sentence_encoder.OWNER, sentence_encoder.LICENCE)
    return ServedEmbedder(sentence_encoder.NAME, origin, sentence_encoder.SentenceEncoder(settings))


def _owner(checkpoint: Checkpoint, entry: Entry | None) -> str:
    """Who published a model, as far as its file or its source says."""
    named = checkpoint.metadata.get("general.organization")
    if isinstance(named, str) and named:
        return named[:100]
    scheme, _, place = (entry.source if entry else "").partition(":")
    return place.partition("/")[0] if scheme == "hf" else "unknown"
