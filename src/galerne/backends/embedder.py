"""The port `Embedder`: who turns texts, as token ids, into vectors whose angles say how near their meanings are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from galerne.engine.events import EndEvent
from galerne.engine.request import Priority
from galerne.prompt.tokenizer import Tokenizer


class Bill(Protocol):
    """Told what becomes of each text. Those of a request "ID" are "ID-0", "ID-1", ..."""

    def begin(self, id: str) -> None:
        """It is handed to whoever computes."""

    def settle(self, end: EndEvent) -> None:
        """Just once for each that was taken on, with what was computed; perhaps after nobody waits any longer."""

    def drop(self, id: str) -> None:
        """It was not taken on. Harmless when it has been settled."""


class Embedder(Protocol):
    """One model, running somewhere. Its methods are called from one event loop."""

    @property
    def dimensions(self) -> int:
        """Numbers of a vector."""

    @property
    def context_length(self) -> int:
        """The most tokens of one text; a longer one is refused, never cut."""

    @property
    def level(self) -> str:
        """What computes. Equal levels give equal vectors."""

    @property
    def tokenizer(self) -> Tokenizer:
        """May be read from its file when it is asked for: ask in a thread."""

    async def embed(
        self, id: str, texts: Sequence[Sequence[int]], tenant: str, priority: Priority, bill: Bill
    ) -> NDArray[np.float32]:
        """Vectors of length 1, [texts, dimensions].

        Raises `InvalidRequest`, `PromptTooLong`, `QueueFull`, `ModelLoading` for what is not taken on, `EngineFailed`.
        """

    async def close(self) -> None:
        """Stop; what is under way fails."""
