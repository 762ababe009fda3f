"""Everything that is kept of chats, for the flows of the assistant."""

from __future__ import annotations

from dataclasses import dataclass

from galerne.assistant.attachments import AttachmentStore
from galerne.assistant.belongings import Belongings
from galerne.assistant.chats import ChatStore
from galerne.assistant.shares import ShareStore
from galerne.protocol.chat_folders import Folder, Prompt


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
