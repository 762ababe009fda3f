"""The addresses of the assistant, all together."""

from __future__ import annotations

from fastapi import APIRouter

from galerne.api.routes.attachments import attachment_routes
from galerne.api.routes.belongings import folder_routes, prompt_routes
from galerne.api.routes.chat_exports import chat_export_routes
from galerne.api.routes.chat_messages import chat_message_routes
from galerne.api.routes.chats import chat_history_routes
from galerne.api.routes.shares import share_routes, shared_routes
from galerne.flows.assistant import Assistant
from galerne.settings import Settings


def assistant_routes(assistant: Assistant, settings: Settings) -> APIRouter:
    router = APIRouter()
    router.include_router(chat_history_routes(assistant.chats, settings))
    router.include_router(chat_export_routes(assistant.exports, assistant.imports, settings))
    router.include_router(chat_message_routes(assistant.asking, settings))
    router.include_router(attachment_routes(assistant.attachments, settings))
    router.include_router(share_routes(assistant.shares, settings))
    router.include_router(shared_routes(assistant.shares))
    router.include_router(folder_routes(assistant.folders, settings))
    router.include_router(prompt_routes(assistant.prompts, settings))
    return router
