"""What a user made beside their chats: a port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol


class OwnThings(Protocol):
    """Its methods block."""

    def lists(self, user: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """All of each kind, by its name."""

    def contents(self, user: str) -> Iterator[tuple[str, Path]]:
        """Where the contents of their files lie, by the files' ids."""
