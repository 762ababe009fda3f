"""The HTTP application: routes, error objects, request ids, documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

from fastapi import Depends, FastAPI

from galerne import __version__
from galerne.agents.agent import AgentStore
from galerne.agents.threads import Threads
from galerne.api import documentation, errors
from galerne.api.access import Authorise
from galerne.api.account import AccountHeaders, Told
from galerne.api.caller import Identify
from galerne.api.errors import INTERNAL
from galerne.api.metrics import Metrics
from galerne.api.middleware import RequestLog
from galerne.api.pages import page_routes
from galerne.api.parameters import say_once
from galerne.api.refusals import Refusals
from galerne.api.routes.admin_installation import admin_installation_routes
from galerne.api.routes.admin_keys import admin_key_routes
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
from galerne.flows.kept_chats import KeptChats
from galerne.flows.kept_requests import Keeping, RequestStore
from galerne.flows.meter import Meter, Watched
from galerne.flows.pulling import Pulling
from galerne.flows.receipts import Receipts
from galerne.flows.responses import Responses
from galerne.flows.served import ServedModels
from galerne.flows.tokens import Tokens
from galerne.flows.witness import Witness
from galerne.identity.caller import AllowedModels, Callers
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
    settle_left: Callable[[], None]  # what processes that died left open; to be called from time to time
    requests: RequestStore | None  # None: what engines are asked is not kept
    receipts: Receipts
    accounts: Accounts
    allowed: AllowedModels
    audit: Audit
    chats: KeptChats
    retentions: ChatRetentions
    identity: Identity
    erasure: Erasure
    witness: Witness


def create_app(
    models: ServedModels,
    callers: Callers,
    settings: Settings,
    lifespan: Lifespan | None = None,
    kept: Kept | None = None,
) -> FastAPI:
    """The application over these models, for these callers; `lifespan` starts and stops them. `kept` None: it keeps
    nothing, and has no address that would."""
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
    refusals = None if kept is None else Refusals(kept.audit.log)
    app = FastAPI(
        title="Galerne",
        version=__version__,
        description="Open-weight models on your own machine, for the official Mistral and OpenAI clients.",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        responses={500: documentation.failure(INTERNAL)},
        dependencies=[Depends(Authorise(refusals)), Depends(say_once)],
        lifespan=_watching(under_way, lifespan),
    )
    app.state.models = models  # `Server` ends their answers when it stops
    app.include_router(chat_routes(chat, settings))
    app.include_router(completion_routes(Completions(models, meter, settings), settings))
    app.include_router(embedding_routes(Embeddings(models, meter, settings), settings))
    app.include_router(token_routes(Tokens(models, settings), settings))
    app.include_router(model_routes(models, settings))
    if kept is not None:
        app.include_router(file_routes(kept.files, settings))
        app.include_router(signed_file_routes(kept.files))
        app.include_router(agent_routes(Agents(kept.agents, models, settings), settings))
        conversations = Conversations(kept.conversations, kept.agents, chat, settings)
        app.include_router(conversation_routes(conversations, settings))
        app.include_router(response_routes(responses, settings))
        app.include_router(receipt_routes(kept.receipts))
        app.include_router(usage_routes(kept.accounts.usage))
        app.include_router(terms_routes(kept.accounts.terms, settings))
        app.include_router(invoice_routes(kept.accounts.invoicing, settings))
        app.include_router(audit_routes(kept.audit, settings))
        app.include_router(assistant_routes(assistant, settings))
        app.include_router(chat_retention_routes(kept.retentions, settings))
        app.include_router(own_data_routes(assistant.exports, kept.identity))
        app.include_router(erasure_routes(kept.erasure, settings))
        app.include_router(head_routes(kept.witness, settings))
        app.include_router(batch_routes(kept.batches, settings))
        app.include_router(admin_installation_routes(Installation(models, settings), Pulling(kept.audit.log, settings)))
        _include_identity(app, kept.identity, settings, open_door=callers.open_door)
    app.include_router(health_routes(models))
    app.include_router(metrics_routes(metrics))
    app.include_router(page_routes(embed_origins=settings.embed_origins))
    documentation.install(app)
    errors.install(app)
    app.add_middleware(AccountHeaders)
    app.add_middleware(Identify, callers=callers, under_way=under_way, allowed=None if kept is None else kept.allowed)
    app.add_middleware(RequestLog, metrics=metrics)  # the outermost: what is refused is logged, too
    return app


def _include_identity(app: FastAPI, identity: Identity, settings: Settings, *, open_door: bool) -> None:
    app.include_router(me_routes(identity.users, open_door=open_door))
    app.include_router(session_routes(identity, settings, open_door=open_door))
    app.include_router(sign_in_way_routes(settings))
    if identity.vouched is not None:
        app.include_router(oidc_routes(identity.vouched, identity.sign_in, settings))
    app.include_router(my_key_routes(identity.keys, settings))
    app.include_router(admin_workspace_routes(identity.workspaces, settings))
    app.include_router(admin_user_routes(identity.users, identity.sign_in, settings))
    app.include_router(admin_key_routes(identity.keys, settings))


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
