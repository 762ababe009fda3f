"""The flows of the assistant, over what is kept of chats."""

from __future__ import annotations

from dataclasses import dataclass

from galerne.assistant.attachments import AttachmentStore
from galerne.assistant.belongings import Belongings
from galerne.assistant.chats import ChatStore
from galerne.assistant.shares import ShareStore
from galerne.flows.asking import Asking
from galerne.flows.attachments import Attachments
from galerne.flows.belongings import Keeping
from galerne.flows.chat import Chat
from galerne.flows.chat_exports import ChatExports
from galerne.flows.chat_imports import ChatImports
from galerne.flows.chats import Chats
from galerne.flows.served import ServedModels
from galerne.flows.shares import Shares
from galerne.protocol.chat_folders import Folder, Prompt
from galerne.settings import Settings


@dataclass(frozen=True, slots=True)
class KeptChats:
    """Everything that is kept of chats. `bootstrap` sets every field."""

    chats: ChatStore
    attachments: AttachmentStore
    shares: ShareStore
    folders: Belongings[Folder]
    prompts: Belongings[Prompt]

    def tidy(self) -> None:
        """Remove what has expired, and settle what servers that died left running. Blocks."""
        self.attachments.remove_expired()
        self.chats.settle_interrupted()


class Assistant:
    """All of them, over one chat flow."""

    def __init__(self, kept: KeptChats, chat: Chat, models: ServedModels, settings: Settings) -> None:
        self.asking = Asking(kept.chats, kept.attachments, chat, settings)
        self.chats = Chats(kept.chats, self.asking, chat, settings)
        self.attachments = Attachments(kept.attachments, kept.chats, models, settings)
        self.exports = ChatExports(kept.chats, kept.attachments)
        self.imports = ChatImports(kept.chats, settings)
        self.shares = Shares(kept.shares, kept.chats, settings)
        self.folders = Keeping(kept.folders, Folder, settings.max_chat_folders)
        self.prompts = Keeping(kept.prompts, Prompt, settings.max_saved_prompts)

    async def close(self) -> None:
        """Stop all answers that are under way."""
        await self.asking.close()
