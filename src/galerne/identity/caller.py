"""Who asks, as far as the rest of the house needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's caller. Whoever fills `Callers` sets every field."""

    workspace: str  # owns what the caller makes, and is the salt of the prefix cache
    organisation: str = "default"
    user: str | None = None  # a person or a service account; None where nobody is asked who they are
    key: str | None = None  # the id of the key that was shown
    patient: bool = False  # whoever waits for an answer goes first: a batch's requests are for nobody who does


class Callers(Protocol):
    """Knows callers by what they show."""

    async def identify(self, credential: str | None) -> Caller:
        """The caller with this key; `credential` is None when none was shown. Raises `NotAuthenticated`."""


class Everyone:
    """Asks nobody for a key: a server for one person or team. All share one workspace."""

    async def identify(self, credential: str | None) -> Caller:  # noqa: ARG002
        return Caller(DEFAULT_WORKSPACE)
