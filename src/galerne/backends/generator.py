"""The port `Generator`: who turns token ids into more of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Protocol

from galerne.engine.events import EndEvent, Event
from galerne.engine.request import GenerationRequest

Settle = Callable[[EndEvent], None]
"""Told the last word about a request: what it cost."""


class Generator(Protocol):
    """One model, running somewhere. Filled by the native engine (in this process or in a supervised one).

    Its methods are called from one event loop.
    """

    @property
    def context_length(self) -> int:
        """The most tokens, prompt and answer together, that one request can have."""

    @property
    def level(self) -> str:
        """What computes: the kernels' level. Equal levels give equal tokens."""

    def generate(self, request: GenerationRequest, settle: Settle) -> AsyncGenerator[Event]:
        """The request's events, the last one an `EndEvent`. Closing the iterator cancels the request within a step.

        `settle` is called just once for every request that was taken on, also when nobody iterates any longer: what is
        accounted is what was computed, not what was delivered. It is called, too, for a request that was left before
        the engine refused it: whoever waits for the last word gets one.

        Raises `InvalidRequest`, `PromptTooLong`, `QueueFull`, `ModelLoading` for a request that is not taken on,
        `EngineFailed` for one that failed, `BadGrammar` for one whose grammar cannot be followed.
        """

    def cancel(self, id: str) -> None:
        """End a request within a step; its iterator goes on to its `EndEvent`. Harmless when it has ended."""

    async def ready(self) -> bool:
        """True when the model really produced a token."""

    def statistics(self) -> Mapping[str, float]:
        """Counters and gauges for /metrics: running, waiting, blocks used, tokens so far, ..."""

    async def close(self) -> None:
        """Stop; open requests end as cancelled."""
