"""The port `Embedder`: who turns texts, as token ids, into vectors whose angles say how near their meanings are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from galerne.backends.generator import Settle
from galerne.prompt.tokenizer import Tokenizer


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

    async def embed(self, id: str, texts: Sequence[Sequence[int]], tenant: str, settle: Settle) -> NDArray[np.float32]:
        """Vectors of length 1, [texts, dimensions].

        `settle` is called, before this returns or raises, just once for each text that was taken on: "ID-0" is the
        first. What is accounted is what was computed.

        Raises `InvalidRequest`, `PromptTooLong`, `QueueFull`, `ModelLoading` for what is not taken on, `EngineFailed`.
        """

    async def close(self) -> None:
        """Stop; what is under way fails."""
