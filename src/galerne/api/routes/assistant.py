"""The addresses of the assistant, all together."""

from __future__ import annotations

from galerne.api.router import Router, add_routes
from galerne.api.routes.attachments import attachment_routes
from galerne.api.routes.belongings import folder_routes, prompt_routes
from galerne.api.routes.chat_exports import chat_export_routes
from galerne.api.routes.chat_messages import chat_message_routes
from galerne.api.routes.chats import chat_history_routes
from galerne.api.routes.shares import share_routes, shared_routes
from galerne.flows.assistant import Assistant
from galerne.settings import Settings


def assistant_routes(assistant: Assistant, settings: Settings) -> Router:
    router = Router()
    add_routes(router, chat_history_routes(assistant.chats, settings))
    add_routes(router, chat_export_routes(assistant.exports, assistant.imports, settings))
    add_routes(router, chat_message_routes(assistant.asking, settings))
    add_routes(router, attachment_routes(assistant.attachments, settings))
    add_routes(router, share_routes(assistant.shares, settings))
    add_routes(router, shared_routes(assistant.shares))
    add_routes(router, folder_routes(assistant.folders, settings))
    add_routes(router, prompt_routes(assistant.prompts, settings))
    return router
