"""How long a person's chats are kept after something was last said in them: a port."""

from __future__ import annotations

from typing import Protocol

from galerne.assistant.chats import Owner


class RetentionStore(Protocol):
    """Keeps what people wish. Its methods block."""

    def days(self, owner: Owner) -> int | None:
        """None: nothing was wished."""

    def put(self, owner: Owner, days: int | None) -> None: ...

    def remove_expired(self, most_days: int | None) -> int:
        """Delete the chats in which nothing was said for longer than their person wishes, or than `most_days`.

        Says how many.
        """
