"""The flows of the assistant, over what is kept of chats."""

from __future__ import annotations

from galerne.flows.asking import Asking
from galerne.flows.attachments import Attachments
from galerne.flows.belongings import Keeping
from galerne.flows.chat import Chat
from galerne.flows.chat_exports import ChatExports
from galerne.flows.chat_imports import ChatImports
from galerne.flows.chats import Chats
from galerne.flows.kept_chats import KeptChats
from galerne.flows.served import ServedModels
from galerne.flows.shares import Shares
from galerne.identity.standing import UnderWay
from galerne.ledger.audit import AuditLog
from galerne.protocol.chat_folders import Folder, Prompt
from galerne.settings import Settings


class Assistant:
    """All of them, over one chat flow."""

    def __init__(
        self,
        kept: KeptChats,
        chat: Chat,
        models: ServedModels,
        audit: AuditLog,
        under_way: UnderWay,
        settings: Settings,
    ) -> None:
        self.asking = Asking(kept.chats, kept.attachments, chat, under_way, settings)
        self.chats = Chats(kept.chats, self.asking, chat, audit, settings)
        self.attachments = Attachments(kept.attachments, kept.chats, models, settings)
        self.exports = ChatExports(kept, audit)
        self.imports = ChatImports(kept.chats, settings)
        self.shares = Shares(kept.shares, kept.chats, audit, settings)
        self.folders = Keeping(kept.folders, Folder, settings.max_chat_folders)
        self.prompts = Keeping(kept.prompts, Prompt, settings.max_saved_prompts)

    async def close(self) -> None:
        """Stop all answers that are under way."""
        await self.asking.close()
