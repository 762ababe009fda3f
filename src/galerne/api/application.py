"""The HTTP application: routes, error objects, request ids, documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

from fastapi import FastAPI

from galerne import __version__
from galerne.agents.agent import AgentStore
from galerne.agents.threads import Threads
from galerne.api import documentation, errors
from galerne.api.account import AccountHeaders, Told
from galerne.api.caller import Identify
from galerne.api.metrics import Metrics
from galerne.api.middleware import RequestLog
from galerne.api.pages import page_routes
from galerne.api.refusals import Refusals
from galerne.api.router import GATE, add_routes
from galerne.api.routes.admin_installation import admin_installation_routes
from galerne.api.routes.admin_keys import admin_key_routes
from galerne.api.routes.admin_models import admin_model_routes
from galerne.api.routes.admin_users import admin_user_routes
from galerne.api.routes.admin_workspaces import admin_workspace_routes
from galerne.api.routes.agents import agent_routes
from galerne.api.routes.assistant import assistant_routes
from galerne.api.routes.audit import audit_routes
from galerne.api.routes.batches import batch_routes
from galerne.api.routes.chat import chat_routes
from galerne.api.routes.chat_retention import chat_retention_routes
from galerne.api.routes.completions import completion_routes
from galerne.api.routes.conversations import conversation_routes
from galerne.api.routes.embeddings import embedding_routes
from galerne.api.routes.erasures import erasure_routes
from galerne.api.routes.files import file_routes, signed_file_routes
from galerne.api.routes.heads import head_routes
from galerne.api.routes.health import health_routes
from galerne.api.routes.invoices import invoice_routes
from galerne.api.routes.me import me_routes, my_key_routes
from galerne.api.routes.metrics import metrics_routes
from galerne.api.routes.models import model_routes
from galerne.api.routes.oidc import oidc_routes, sign_in_way_routes
from galerne.api.routes.own_data import own_data_routes
from galerne.api.routes.receipts import receipt_routes
from galerne.api.routes.responses import response_routes
from galerne.api.routes.sessions import session_routes
from galerne.api.routes.terms import terms_routes
from galerne.api.routes.tokens import token_routes
from galerne.api.routes.usage import usage_routes
from galerne.assistant.own_things import OwnThings
from galerne.flows.accounts import Accounts
from galerne.flows.agents import Agents
from galerne.flows.assistant import Assistant
from galerne.flows.audit import Audit
from galerne.flows.batches import Batches
from galerne.flows.billing import Billing
from galerne.flows.chat import Chat
from galerne.flows.chat_retention import ChatRetentions
from galerne.flows.completions import Completions
from galerne.flows.conversations import Conversations
from galerne.flows.embeddings import Embeddings
from galerne.flows.erasure import Erasure
from galerne.flows.files import Files
from galerne.flows.identity import Identity
from galerne.flows.installation import Installation
from galerne.flows.installed import InstalledList
from galerne.flows.kept_chats import KeptChats
from galerne.flows.kept_requests import Keeping, RequestStore
from galerne.flows.loading import Loading
from galerne.flows.meter import Meter, Watched
from galerne.flows.pulling import Pulling
from galerne.flows.receipts import Receipts
from galerne.flows.responses import Responses
from galerne.flows.served import ServedModels
from galerne.flows.tokens import Tokens
from galerne.flows.witness import Witness
from galerne.identity.caller import Callers
from galerne.identity.standing import UnderWay
from galerne.protocol.conversations import ConversationFields
from galerne.protocol.responses import KeptResponse
from galerne.settings import Settings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept, in a database and on the disk: flows over it, or the ports of flows that ask models, too.

    `bootstrap` sets every field.
    """

    files: Files
    agents: AgentStore
    batches: Batches
    responses: Threads[KeptResponse]
    conversations: Threads[ConversationFields]
    billing: Billing
    tidy_books: Callable[[], None]  # of what processes that died left open; to be called from time to time
    requests: RequestStore | None  # None: what engines are asked is not kept
    receipts: Receipts
    accounts: Accounts
    audit: Audit
    chats: KeptChats
    retentions: ChatRetentions
    things: OwnThings
    identity: Identity
    erasure: Erasure
    witness: Witness


def create_app(
    models: ServedModels,
    callers: Callers,
    settings: Settings,
    lifespan: Lifespan | None = None,
    kept: Kept | None = None,
    loading: Loading | None = None,
) -> FastAPI:
    """The application over these models, for these callers; `lifespan` starts and stops them. `kept` None: it keeps
    nothing, and has no address that would. `loading` None: the models stay what they are."""
    metrics = Metrics(models)
    meter: Meter = metrics
    if kept is not None:
        billing: Meter = kept.billing if kept.requests is None else Keeping(kept.billing, kept.requests)
        meter = Told(Watched(billing, metrics))
    chat = Chat(models, meter, settings)
    under_way = UnderWay(callers)
    if kept is not None:
        responses = Responses(kept.responses, chat, settings)
        assistant = Assistant(kept.chats, chat, models, kept.audit.log, under_way, settings)
        lifespan = _closing((responses, assistant), lifespan)
    app = FastAPI(
        title="Galerne",
        version=__version__,
        description="Open-weight models on your own machine, for the official Mistral and OpenAI clients.",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        dependencies=[GATE],
        lifespan=_watching(under_way, lifespan),
    )
    app.state.models = models  # `Server` ends their answers when it stops
    app.state.refusals = None if kept is None else Refusals(kept.audit.log)
    add_routes(app, chat_routes(chat, settings))
    add_routes(app, completion_routes(Completions(models, meter, settings), settings))
    add_routes(app, embedding_routes(Embeddings(models, meter, settings), settings))
    add_routes(app, token_routes(Tokens(models, settings), settings))
    add_routes(app, model_routes(models, settings))
    if kept is not None:
        add_routes(app, file_routes(kept.files, settings))
        add_routes(app, signed_file_routes(kept.files))
        add_routes(app, agent_routes(Agents(kept.agents, models, settings), settings))
        conversations = Conversations(kept.conversations, kept.agents, chat, settings)
        add_routes(app, conversation_routes(conversations, settings))
        add_routes(app, response_routes(responses, settings))
        _add_accounts(app, kept, settings)
        add_routes(app, assistant_routes(assistant, settings))
        add_routes(app, chat_retention_routes(kept.retentions, settings))
        add_routes(app, own_data_routes(assistant.exports, kept.identity, kept.things))
        add_routes(app, batch_routes(kept.batches, settings))
        add_routes(app, admin_installation_routes(Installation(models, settings)))
        _add_identity(app, kept.identity, settings, open_door=callers.open_door)
    if kept is not None and loading is not None:
        pulling = Pulling(kept.audit.log, settings)
        add_routes(app, admin_model_routes(InstalledList(loading, pulling, settings), pulling, loading))
    add_routes(app, health_routes(models, settings.model))
    add_routes(app, metrics_routes(metrics))
    add_routes(app, page_routes(embed_origins=settings.embed_origins))
    documentation.install(app, settings, open_door=callers.open_door)
    errors.install(app)
    app.add_middleware(AccountHeaders)
    app.add_middleware(Identify, callers=callers, under_way=under_way)
    app.add_middleware(RequestLog, metrics=metrics)  # the outermost: what is refused is logged, too
    return app


def _add_accounts(app: FastAPI, kept: Kept, settings: Settings) -> None:
    """What answers took, and what is on record."""
    add_routes(app, receipt_routes(kept.receipts))
    add_routes(app, usage_routes(kept.accounts.usage))
    add_routes(app, terms_routes(kept.accounts.terms, settings))
    add_routes(app, invoice_routes(kept.accounts.invoicing, settings))
    add_routes(app, audit_routes(kept.audit, settings))
    add_routes(app, erasure_routes(kept.erasure, settings))
    add_routes(app, head_routes(kept.witness, settings))


def _add_identity(app: FastAPI, identity: Identity, settings: Settings, *, open_door: bool) -> None:
    add_routes(app, me_routes(identity.users, open_door=open_door))
    add_routes(app, session_routes(identity, settings, open_door=open_door))
    add_routes(app, sign_in_way_routes(settings))
    if identity.vouched is not None:
        add_routes(app, oidc_routes(identity.vouched, identity.sign_in, settings))
    add_routes(app, my_key_routes(identity.keys, settings))
    add_routes(app, admin_workspace_routes(identity.workspaces, settings))
    add_routes(app, admin_user_routes(identity.users, identity.sign_in, settings))
    add_routes(app, admin_key_routes(identity.keys, settings))


def _closing(flows: Sequence[Responses | Assistant], lifespan: Lifespan | None) -> Lifespan:
    """The lifespan, at whose end no answer of these goes on in the background."""

    @asynccontextmanager
    async def closing(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app) if lifespan else nullcontext():
            yield
            for flow in flows:
                await flow.close()

    return closing


def _watching(under_way: UnderWay, lifespan: Lifespan | None) -> Lifespan:
    """The lifespan, during which requests end with the right to them."""

    @asynccontextmanager
    async def watching(app: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(under_way.run())
        try:
            async with lifespan(app) if lifespan else nullcontext():
                yield
        finally:
            watch.cancel()

    return watching
