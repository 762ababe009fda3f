"""Small things that people keep beside their chats, folders and saved prompts: one port for both."""

from __future__ import annotations

from typing import Protocol, TypeVar

from galerne.assistant.chats import Owner
from galerne.protocol.chat_folders import Belonging
from galerne.protocol.messages import ProtocolModel

Thing = TypeVar("Thing", bound=Belonging)


class Belongings(Protocol[Thing]):
    """Keeps things of one kind. Its methods block."""

    def add(self, owner: Owner, thing: Thing, most: int) -> None:
        """Raises `TooLarge` when this person has so many already."""

    def list(self, owner: Owner) -> list[Thing]:
        """All of a person's, in the order of the alphabet."""

    def change(self, owner: Owner, id: str, fields: ProtocolModel) -> Thing:
        """Raises `NotFound`."""

    def delete(self, owner: Owner, id: str) -> None:
        """Raises `NotFound`."""
