"""Where work that blocks is done, so that the event loop is not held up by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class Run(Protocol):
    """Does it in a thread: any (`asyncio.to_thread`), or one that the work knows well."""

    async def __call__(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """What the work returns. Raises what it raises."""
